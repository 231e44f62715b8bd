"""The telephone numbers of a statement's lines: hashed while the file is read, kept beside the lines, forgotten.

They only suggest which order a line may be (`work.suggest`); nothing is matched by them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.fulfilment.stated_numbers import StatedNumber
from voucher_service.reconciliation.beside import add_rows
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.load import Load
from voucher_service.reconciliation.models import Statement, StatementIntake
from voucher_service.reconciliation.reader.columns import Columns
from voucher_service.reconciliation.reader.numbers import is_whole, tail_of

KEPT = timedelta(days=180)
"""How long at most: differences are settled within weeks, and a month agreed to ends it earlier."""

_HASH = 32
_NONE = bytes(_HASH)


class Numbers:
    """A loader that hashes the numbers of lines on their way to `load`, and keeps nothing else of them.

    Some forty bytes a line: a million lines are 40 MB, and a file without such a column costs nothing.
    """

    def __init__(self, load: Load, vault: Vault) -> None:
        self._load = load
        self._vault = vault
        self._lines = array("I")
        self._lookups = bytearray()
        self._tails = bytearray()

    def __call__(self, columns: Columns) -> None:
        """Load the lines."""
        self._load(columns)
        for line, number in zip(columns.line, columns.number, strict=False):  # none without the column
            if number is not None:
                self._lines.append(line)
                self._lookups += self._vault.lookup("phone", number) if is_whole(number) else _NONE
                self._tails += tail_of(number).encode()

    def rows(self, base: int) -> Iterator[tuple[int, bytes | None, str]]:
        """Yield line id, keyed hash and last two digits; `base` is the first id of the statement."""
        for place, line in enumerate(self._lines):
            lookup = bytes(self._lookups[place * _HASH : (place + 1) * _HASH])
            yield base + line, None if lookup == _NONE else lookup, self._tails[place * 2 : place * 2 + 2].decode()

    def __bool__(self) -> bool:
        """Say whether any line stated one."""
        return bool(self._lines)


def write_numbers(session: Session, number: int, numbers: Numbers) -> None:
    """Keep the numbers of the lines of the statement with that number."""
    if not numbers:
        return
    add_rows(session, "stated_number", ("line_id", "lookup", "tail"), numbers.rows(number << 32))


def forget_numbers(session: Session, now: datetime) -> None:
    """Forget the numbers of lines that nothing is looked for any more: replaced, of a month agreed to, or old."""
    first = StatementIntake.number * 2**32
    has_numbers = exists().where(StatedNumber.line_id.between(first, first + 2**32 - 1))
    is_agreed = exists().where(
        and_(
            PeriodClose.partner_id == Statement.partner_id,
            PeriodClose.agreed_at.is_not(None),
            PeriodClose.first_day <= Statement.last_day,
            PeriodClose.last_day >= Statement.last_day,
        )
    )
    is_replaced = exists().where(StatementReading.replaces_id == Statement.id)
    ended = (
        select(StatementIntake.number)
        .join(Statement, Statement.id == StatementIntake.statement_id)
        .where(or_(Statement.uploaded_at < now - KEPT, is_agreed, is_replaced), has_numbers)
    )
    for number in session.scalars(ended).all():
        session.execute(
            delete(StatedNumber)
            .where(StatedNumber.line_id.between(number << 32, (number << 32) + 2**32 - 1))
            .execution_options(synchronize_session=False)
        )
