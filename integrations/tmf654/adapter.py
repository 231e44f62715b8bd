"""The adapter. Our reference travels in the description, which nobody promises to keep: the look-up is weak.

Found there, an order is found; not found there, nothing is proven, and that is Unknown. Which codes mean what
differs from operator to operator, so the table comes with the connection; each line is read by `parse_codes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from integrations.answers import (
    Refusals,
    Unexpected,
    answered,
    called_back,
    euros,
    evidence,
    fault,
    record_of,
    records_of,
    reference,
    refusal,
    without,
    word,
)
from integrations.http import Fault, Line, Reply, segment
from integrations.numbers import private_texts
from integrations.tmf654.reading import MARK, USES, mark, read, record
from voucher_service.fulfilment.abilities import BadCallback, Notice, Page, Trial, Window
from voucher_service.fulfilment.providers import (
    CallbackSignature,
    Capabilities,
    ErrorClass,
    Evidence,
    Found,
    Idempotency,
    Lookup,
    Mode,
    Ref,
    Refused,
    Submitted,
    TopUp,
    Unknown,
)
from voucher_service.ids import utc_now
from voucher_service.units import Unit

SUBMIT: Final = "submit"
_PAGE: Final = 100
_PAGES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One connection. In `bucket`, "{number}" stands for the person's number; `codes` are the operator's own."""

    base: str
    party_account: str
    bucket: str = "{number}"
    codes: Refusals = field(default_factory=dict)
    private: bool = False
    sync_limit: timedelta = timedelta(seconds=60)
    cut_off: timedelta = timedelta(hours=24)
    ask_limit: timedelta = timedelta(seconds=15)


def parse_codes(text: str) -> Refusals:
    """Return the table in `text`: a line for each code, "400 21 beneficiary".

    Raises:
        ValueError: the first line that cannot be read, as it stands.
    """
    table: dict[tuple[str, int, str], ErrorClass] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match line.split():
            case [status, code, name] if status in {"400", "403", "404", "405", "409", "500"} and word(code):
                try:
                    table[SUBMIT, int(status), code] = ErrorClass(name)
                except ValueError as error:
                    raise ValueError(line) from error
            case _:
                raise ValueError(line)
    return table


class Tmf654:
    """An operator's own interface. `headers` carry what it asks of a client."""

    def __init__(
        self,
        config: Config,
        *,
        headers: Mapping[str, str],
        name: str = "tmf654",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._headers = {"accept": "application/json;charset=utf-8, application/json;q=0.9", **headers}
        self._secrets = tuple(value.rpartition(" ")[2] for value in headers.values())
        self._now = now
        self._line = Line(config.base, name=name, private=config.private)

    @property
    def capabilities(self) -> Capabilities:
        """Nothing is known of a reused reference, as there is no field for one."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=True,
            sync_limit=self._config.sync_limit,
            cut_off=self._config.cut_off,
            lookup=Lookup.WEAK,
            idempotency=Idempotency.NONE,
            callback_signature=CallbackSignature.UNSIGNED,
            list_window=timedelta(days=1),
            time_zone="UTC",
            units=frozenset(USES),
        )

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once."""
        assert top_up.number is not None, "a direct top-up needs its number"
        return without((*private_texts(top_up.number), *self._secrets), self._submit(top_up, top_up.number))

    def _submit(self, top_up: TopUp, number: str) -> Submitted:
        if top_up.unit not in USES:
            return Refused("unit_not_sold", ErrorClass.REFUSED_FINAL)
        try:
            limit = self._config.sync_limit.total_seconds()
            content = self._content(top_up, number)
            reply = self._line.post("/topupBalance", limit=limit, content=content, headers=self._headers)
        except Fault as error:
            return fault("POST /topupBalance", error)
        facts = self._facts("POST /topupBalance", reply)
        if reply.status in {200, 201}:
            said = read(reply.record(), facts, top_up.unit)
            return said if isinstance(said, Submitted) else Unknown("taken_back_at_once", facts)
        code = word(reply.record().get("code")) or f"http_{reply.status}"
        if reply.status in {401, 403} and (SUBMIT, reply.status, code) not in self._config.codes:
            return Refused(code, ErrorClass.PARTNER_PRECONDITION, facts)
        return refusal(self._config.codes, SUBMIT, reply, code, facts)

    def query(self, ref: Ref) -> Found:
        """Ask by the operator's reference; without one, look for our mark in its entries."""
        return without(self._secrets, answered("query", lambda: self._query(ref)))

    def _query(self, ref: Ref) -> Found:
        return self._by_theirs(ref.theirs) if ref.theirs is not None else self._by_mark(ref.ours)

    def list_records(self, window: Window, cursor: str | None = None) -> Page:
        """Return a page of entries in the window; entries without a time are left in.

        Raises:
            Fault, Unexpected: the page is not known.
        """
        offset = int(cursor or 0)
        lines, more = self._listed(offset)
        found = [one for line in lines if (one := record(line)) is not None]
        inside = [one for one in found if one.at is None or window.since <= one.at < window.until]
        return Page(inside, str(offset + len(lines)) if more else None)

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:  # noqa: ARG002  # nothing is signed
        """Read which order an event is about.

        Raises:
            BadCallback: it names none.
        """
        body = called_back(raw)
        line = record_of(record_of(body.get("event")).get("topupBalance")) or body
        theirs, our_ref = reference(line.get("id")), mark(line)
        if theirs is None and our_ref is None:
            raise BadCallback("callback_without_order")
        return Notice(our_ref, theirs, word(line.get("status")), verified=False)

    def try_connection(self) -> Trial:
        """List one entry."""
        try:
            reply = self._get("/topupBalance", {"limit": "1"})
        except Fault as error:
            return Trial(ok=False, code=error.code)
        if reply.status in {401, 403}:
            return Trial(ok=False, code="credentials_refused")
        if reply.status not in {200, 206} or not isinstance(reply.json(), list):
            return Trial(ok=False, code="answer_unexpected")
        return Trial(ok=True, code="connected")

    def dry_run(self, top_up: TopUp) -> Trial:
        """Check the unit. The interface has no way to try an order without delivering it."""
        if top_up.unit not in USES:
            return Trial(ok=False, code="unit_not_sold")
        return Trial(ok=True, code="unit_sold")

    def _content(self, top_up: TopUp, number: str) -> dict[str, Any]:
        usage, unit = USES[top_up.unit]
        amount = euros(top_up.quantity) if top_up.unit is Unit.EUR_CENT else top_up.quantity
        digits = number.lstrip("+")
        return {
            "description": f"{MARK}{top_up.reference}",
            "amount": {"amount": amount, "units": unit},
            "usageType": usage,
            "bucket": {"id": self._config.bucket.replace("{number}", digits)},
            "partyAccount": {"id": self._config.party_account},
            "logicalResource": [{"id": digits}],
            "product": [{"id": top_up.product_code}],
        }

    def _by_theirs(self, theirs: str) -> Found:
        reply = self._get(f"/topupBalance/{segment(theirs)}")
        facts = self._facts("GET /topupBalance/…", reply)
        if reply.status != 200:
            return Unknown(word(reply.record().get("code")) or f"http_{reply.status}", facts)
        return read(reply.record(), facts, None)

    def _by_mark(self, ours: UUID) -> Found:
        offset = 0
        for _ in range(_PAGES):
            lines, more = self._listed(offset)
            for line in lines:
                if mark(line) == ours:
                    return read(line, {"call": "GET /topupBalance", "state": word(line.get("status"))}, None)
            offset += len(lines)
            if not more:
                break
        return Unknown("not_listed", {"call": "GET /topupBalance", "lines": offset})

    def _listed(self, offset: int) -> tuple[list[Mapping[str, Any]], bool]:
        reply = self._get("/topupBalance", {"offset": str(offset), "limit": str(_PAGE)})
        body = reply.json()
        if reply.status not in {200, 206} or not isinstance(body, list):
            raise Unexpected(f"http_{reply.status}")
        total = reply.headers.get("x-total-count", "")
        more = offset + len(body) < int(total) if total.isdecimal() else len(body) >= _PAGE
        return records_of(body), more and bool(body)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        return self._line.get(path, limit=self._config.ask_limit.total_seconds(), query=query, headers=self._headers)

    @staticmethod
    def _facts(call: str, reply: Reply) -> Evidence:
        line = reply.record()
        return evidence(call, reply, code=line.get("code"), state=line.get("status"))
