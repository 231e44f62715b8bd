"""Our account at DT One: everything but orders. Questions only; none of them moves value."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from integrations.answers import Unexpected, cents, quantity_in, record_of, records_of, reference, word
from integrations.dt_one import reading
from integrations.http import Fault, Line, Reply, segment
from voucher_service.fulfilment.abilities import Balance, Guess, NoGuess, Page, Product, Trial, Window
from voucher_service.ids import utc_now
from voucher_service.units import Unit

_PAGE: Final = 100
_PAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One connection. `country` is the three-letter one; `confirm_later` makes orders that wait for `confirm`."""

    base: str
    country: str = "FRA"
    callback_url: str = ""
    confirm_later: bool = False
    private: bool = False
    sync_limit: timedelta = timedelta(seconds=180)
    cut_off: timedelta = timedelta(hours=24)
    ask_limit: timedelta = timedelta(seconds=15)


class Account:
    """What can be asked of DT One behind one account."""

    def __init__(
        self,
        config: Config,
        *,
        key: str,
        secret: str,
        name: str = "dt_one",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._now = now
        self._line = Line(config.base, name=name, private=config.private)
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._headers = {"authorization": f"Basic {basic}"}
        self._secrets = (key, secret, basic)

    def list_records(self, window: Window, cursor: str | None = None) -> Page:
        """Return a page of transactions.

        Raises:
            Fault, Unexpected: the page is not known.
        """
        lines, more = self._listed(window, cursor or "1", {})
        return Page([one for line in lines if (one := reading.record(line)) is not None], more)

    def catalogue(self) -> Sequence[Product]:
        """Return the products for the connection's country."""
        found: list[Product] = []
        page: str | None = "1"
        for _ in range(_PAGES):
            query = {"country_iso_code": self._config.country, "page": page or "1", "per_page": str(_PAGE)}
            reply = self._get("/products", query)
            found += [_product(one) for one in _list(reply) if reference(one.get("id")) is not None]
            page = _next(reply)
            if page is None:
                break
        return found

    def balance(self) -> Balance:
        """Return what is left of our account: the first balance in money."""
        for one in _list(self._get("/balances")):
            left = cents(one.get("available"))
            if one.get("unit_type") == "CURRENCY" and left is not None:
                return Balance(left, word(one.get("unit")), self._now())
        raise Unexpected("balance_missing")

    def identify(self, number: str) -> Guess | NoGuess:
        """Return the operator that the partner finds from the number."""
        reply = self._get(f"/lookup/mobile-number/{segment(number)}")
        if reply.status != 200:
            return NoGuess(reading.code_of(reply))
        found = records_of(reply.json())
        sure = [one for one in found if one.get("identified") is True]
        best = (sure or found)[:1]
        if not best:
            return NoGuess("operator_unknown")
        return Guess(str(best[0].get("name") or "")[:80], None, 90 if sure else 50, self._now())

    def try_connection(self) -> Trial:
        """Read the balance."""
        try:
            left = self.balance()
        except Fault as error:
            return Trial(ok=False, code=error.code)
        except Unexpected as error:
            refused = str(error) in {"1000401", "http_401", "http_403"}
            return Trial(ok=False, code="credentials_refused" if refused else "answer_unexpected")
        return Trial(ok=True, code="connected", facts={"balance": left.hundredths, "currency": left.currency})

    def _listed(
        self, window: Window, page: str, wanted: Mapping[str, str]
    ) -> tuple[list[Mapping[str, Any]], str | None]:
        query = {
            **wanted,
            "from_date": window.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to_date": window.until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "page": page,
            "per_page": str(_PAGE),
        }
        reply = self._get("/transactions", query)
        return _list(reply), _next(reply)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        return self._line.get(path, limit=self._config.ask_limit.total_seconds(), query=query, headers=self._headers)


def _list(reply: Reply) -> list[Mapping[str, Any]]:
    body = reply.json()
    if reply.status != 200:
        raise Unexpected(reading.code_of(reply))
    if not isinstance(body, list):
        raise Unexpected("list_missing")
    return records_of(body)


def _next(reply: Reply) -> str | None:
    told = reply.headers.get("x-next-page", "").strip()
    return told if told.isdecimal() and told != "0" else None


def _product(one: Mapping[str, Any]) -> Product:
    operator = record_of(one.get("operator"))
    destination = record_of(one.get("destination"))
    amount = destination.get("amount")
    limits = record_of(amount)
    ends = (limits.get("min"), limits.get("max")) if limits else (amount, amount)
    name = str(destination.get("unit"))
    unit = next((u for u in Unit if quantity_in(u, 1, name) is not None), None)
    least, most = (None if unit is None else quantity_in(unit, end, name) for end in ends)
    kind = word(one.get("type"))
    return Product(
        code=f"{one['id']}" + (":amount" if kind.startswith("RANGED") else ""),
        name=str(one.get("name") or "")[:80],
        operator=str(operator.get("name") or "")[:80],
        country=word(record_of(operator.get("country")).get("iso_code")),
        unit=unit,
        minimum=least,
        maximum=most,
        gives_code=kind.endswith("PIN_PURCHASE"),
    )
