"""The partner's own list as a statement: asked for page by page, kept as one file, read like any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, Conflict, NotReady
from voucher_service.fulfilment.abilities import Lists, Record, Window
from voucher_service.fulfilment.providers import Provider
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.reader.sources import listed
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement

MOST_DAYS = 31
MOST_PAGES = 5_000


@dataclass(frozen=True, slots=True)
class Listed:
    """What a partner listed for some days: the file, and how many records it holds."""

    content: bytes
    name: str
    first_day: date
    last_day: date
    records: int


def fetch(provider: Provider, route: str, first_day: date, last_day: date) -> Listed:
    """Ask the partner for its records of those days (Europe/Paris); no transaction is open meanwhile.

    The file says nothing of when it was asked for: the same list is the same file.

    Raises:
        BadInput: the days are the wrong way round, or too many.
        Conflict: `no_listing`: this partner does not list its records.
        NotReady: a page is not known; nothing is concluded from the others.
    """
    if last_day < first_day or (last_day - first_day).days >= MOST_DAYS:
        raise BadInput("Demandez 1 à {most} jours, dans l’ordre.", field="last_day", most=MOST_DAYS)
    window = provider.capabilities.list_window
    if window is None or not isinstance(provider, Lists):
        raise Conflict("Cet opérateur ne donne pas la liste de ses recharges.", code="no_listing")
    start, end = instants(first_day, last_day)
    try:
        found = {record.theirs: record for record in _records(provider, start, end, window)}
    except NotReady:
        raise
    except Exception as fault:
        raise NotReady("L’opérateur n’a pas donné toute sa liste : réessayez plus tard.") from fault
    kept = [record for record in found.values() if record.at is None or start <= record.at < end]
    kept.sort(key=lambda record: (record.at.timestamp() if record.at else 0, record.theirs))
    head = {"route": route, "first_day": first_day.isoformat(), "last_day": last_day.isoformat()}
    content = listed.write(head, map(_told, kept))
    return Listed(content, f"liste-{route}-{first_day}-{last_day}.jsonl", first_day, last_day, len(kept))


def _records(provider: Lists, start: datetime, end: datetime, window: timedelta) -> Iterator[Record]:
    pages = 0
    while start < end:
        until = min(start + window, end)
        cursor: str | None = None
        while True:
            page = provider.list_records(Window(start, until), cursor)
            yield from page.records
            pages += 1
            if pages > MOST_PAGES:
                raise NotReady("La liste de l’opérateur est trop longue : demandez moins de jours.")
            if page.cursor is None or page.cursor == cursor:
                break
            cursor = page.cursor
        start = until


def _told(record: Record) -> dict[str, object]:
    return {
        "theirs": record.theirs,
        "ours": record.ours,
        "state": record.state.value,
        "status": record.status,
        "at": None if record.at is None else record.at.isoformat(),
        "product": record.product_code,
        "quantity": record.quantity,
        "unit": None if record.unit is None else record.unit.value,
    }


def keep(session: Session, vault: Vault, told: Listed, *, partner_id: UUID, actor: str, now: datetime) -> Statement:
    """Import the list and reconcile it; the same list again changes nothing.

    Raises:
        BadFile: a record cannot be read: names its line in the file. Conflict, BadInput: as `import_statement`.
    """
    statement = import_statement(
        session,
        vault=vault,
        partner_id=partner_id,
        file_name=told.name,
        content=told.content,
        actor=actor,
        now=now,
        period=(told.first_day, told.last_day),
    )
    run(session, statement.id, now)
    return statement
