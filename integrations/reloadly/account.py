"""Our account at Reloadly: everything but orders. Questions only; none of them moves value."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from integrations.answers import Unexpected, cents, record_of, records_of, reference, word
from integrations.http import Fault, Line, Reply, segment
from integrations.numbers import parts
from integrations.reloadly import reading
from integrations.reloadly.token import TokenRefused, Tokens
from voucher_service.fulfilment.abilities import Balance, Guess, NoGuess, Page, Product, Trial, Window
from voucher_service.ids import utc_now
from voucher_service.units import Unit

MEDIA: Final = "application/com.reloadly.topups-v1+json, application/json;q=0.9"

_PAGE: Final = 200
_STAMP: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One connection. `zone` is that of the stamps in the report; `wait` waits for the outcome instead of asking."""

    base: str
    auth_base: str
    audience: str
    country: str = "FR"
    zone: str = "America/New_York"
    wait: bool = False
    local_amount: bool = True
    private: bool = False
    sync_limit: timedelta = timedelta(seconds=180)
    cut_off: timedelta = timedelta(hours=24)
    ask_limit: timedelta = timedelta(seconds=15)


class Account:
    """What can be asked of Reloadly behind one account."""

    def __init__(
        self,
        config: Config,
        *,
        client_id: str,
        client_secret: str,
        name: str = "reloadly",
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._now = now
        self._zone = ZoneInfo(config.zone)
        self._line = Line(config.base, name=name, private=config.private)
        auth = Line(config.auth_base, name=name, private=config.private)
        self._secrets = (client_id, client_secret)
        self._codes: dict[int, bool] = {}
        self._tokens = Tokens(
            auth, client_id=client_id, client_secret=client_secret, audience=config.audience, clock=clock
        )

    def list_records(self, window: Window, cursor: str | None = None) -> Page:
        """Return a page of the report.

        Raises:
            Fault, TokenRefused, Unexpected: the page is not known.
        """
        number = int(cursor or 1)
        lines, more = self._report(number, window.since, window.until, {})
        found = [one for line in lines if (one := reading.record(line, self._zone)) is not None]
        return Page(found, str(number + 1) if more else None)

    def catalogue(self) -> Sequence[Product]:
        """Return the operators of the connection's country."""
        reply = self._get(f"/operators/countries/{segment(self._config.country)}")
        return [_product(one) for one in records_of(_json(reply)) if reference(one.get("operatorId")) is not None]

    def balance(self) -> Balance:
        """Return what is left of our account."""
        body = record_of(_json(self._get("/accounts/balance")))
        told = str(body.get("balance"))
        left = cents(told.removeprefix("-"))
        if left is None:
            raise Unexpected("balance_missing")
        return Balance(-left if told.startswith("-") else left, word(body.get("currencyCode")), self._now())

    def identify(self, number: str) -> Guess | NoGuess:
        """Return the operator that the partner finds from the number."""
        known = parts(number)
        if known is None:
            return NoGuess("country_unknown")
        reply = self._get(f"/operators/auto-detect/phone/{segment(known.digits)}/countries/{segment(known.country)}")
        body = reply.record()
        code = reference(body.get("operatorId"))
        if reply.status != 200 or code is None:
            return NoGuess(word(body.get("errorCode")) or f"http_{reply.status}")
        return Guess(str(body.get("name") or "")[:80], code, 80, self._now())

    def sells_codes(self, operator: int) -> bool:
        """Say whether the operator answers with a code. Raises Fault, TokenRefused, Unexpected when not known."""
        if operator not in self._codes:
            found = record_of(_json(self._get(f"/operators/{operator}")))
            if not isinstance(found.get("pin"), bool):
                raise Unexpected("operator_unclear")
            self._codes[operator] = found["pin"]
        return self._codes[operator]

    def try_connection(self) -> Trial:
        """Sign in and read the balance."""
        try:
            left = self.balance()
        except Fault as error:
            return Trial(ok=False, code=error.code)
        except TokenRefused:
            return Trial(ok=False, code="credentials_refused")
        except Unexpected:
            return Trial(ok=False, code="answer_unexpected")
        return Trial(ok=True, code="connected", facts={"balance": left.hundredths, "currency": left.currency})

    def _report(
        self, number: int, since: datetime, until: datetime, wanted: Mapping[str, str]
    ) -> tuple[list[Mapping[str, Any]], bool]:
        query = {
            **wanted,
            "startDate": since.astimezone(self._zone).strftime(_STAMP),
            "endDate": until.astimezone(self._zone).strftime(_STAMP),
            "page": str(number),
            "size": str(_PAGE),
        }
        body = _json(self._get("/topups/reports/transactions", query))
        if not isinstance(record_of(body).get("content"), list):
            raise Unexpected("report_missing")
        lines = records_of(record_of(body)["content"])
        last = record_of(body).get("last")
        return lines, not last if isinstance(last, bool) else len(lines) >= _PAGE

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        token = self._tokens.get()
        reply = self._line.get(path, limit=self._config.ask_limit.total_seconds(), query=query, headers=headers(token))
        if reply.status == 401:
            self._tokens.refused(token)
        return reply


def headers(token: str) -> dict[str, str]:
    """Return what every call carries."""
    return {"authorization": f"Bearer {token}", "accept": MEDIA}


def _json(reply: Reply) -> Any:
    if reply.status != 200:
        raise Unexpected(code_of(reply))
    return reply.json()


def code_of(reply: Reply) -> str:
    """Return the code of a refusal, or the status in its place."""
    return word(reply.record().get("errorCode")) or f"http_{reply.status}"


def _product(one: Mapping[str, Any]) -> Product:
    in_euros = one.get("destinationCurrencyCode") == "EUR"
    names = ("localMinAmount", "localMaxAmount") if one.get("supportsLocalAmounts") else ("minAmount", "maxAmount")
    least, most = (cents(one.get(name)) if in_euros else None for name in names)
    return Product(
        code=str(one["operatorId"]),
        name=str(one.get("name") or "")[:80],
        operator=str(one.get("name") or "")[:80],
        country=word(record_of(one.get("country")).get("isoName")),
        unit=Unit.EUR_CENT,
        minimum=least,
        maximum=most,
        gives_code=one.get("pin") is True,
    )
