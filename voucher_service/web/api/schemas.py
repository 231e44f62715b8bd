"""What the API answers and is asked, as pydantic models; the description is made from the same ones."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from voucher_service.reconciliation.allocations import AllocationReport
from voucher_service.reconciliation.explain import Difference, Ours, Theirs
from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.queries import StatementRow
from voucher_service.units import Unit

Pieces = Annotated[int, Field(description="Whole pieces of `unit`: cents, megabytes, minutes, messages, pieces.")]


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_day(value: object) -> object:
    """Return the day that an ISO text names: left alone, 0 would be the first of January 1970."""
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise ValueError("Écrivez une date, comme 2026-03-31.")
    return value


Day = Annotated[date, BeforeValidator(_as_day)]


class Asked(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=1_000_000, description="Pages of fifty, counted from 1; follow `next`.")


class AskedDifferences(Asked):
    """Which differences of a statement."""

    kind: BreakClass | None = None
    open: bool | None = Field(default=None, description="true: only those nobody has closed; false: only the others.")


class AskedUpload(BaseModel):
    """What is said of a file that is sent as the body."""

    model_config = ConfigDict(extra="forbid")

    file_name: str = Field(default="releve.csv", min_length=1, max_length=200)
    first_day: Day | None = Field(default=None, description="First day the file speaks for; else that of its lines.")
    last_day: Day | None = Field(default=None, description="Last day the file speaks for.")
    number: int | None = Field(
        default=None, ge=1, le=999_999_999, description="Your own number of the statement, unless the file says it."
    )
    replaces: UUID | None = Field(default=None, description="The statement that this one corrects and replaces.")


class AllocationOut(BaseModel):
    """A gift and where each piece of it lies: received is the sum of the other seven."""

    id: int
    label: str
    unit: Unit
    valid_from: date
    valid_until: date
    state: str
    received: Pieces
    available: Pieces
    reserved: Pieces
    in_delivery: Pieces
    delivered: Pieces
    returned: Pieces
    written_off: Pieces
    variance: Pieces

    @classmethod
    def of(cls, gift: AllocationReport) -> AllocationOut:
        """Return the report of a gift as the API tells it."""
        return cls.model_validate(gift, from_attributes=True)


class StatementOut(BaseModel):
    """A statement and how far it agrees: `lines` = `matched` + `differing` + lines nobody can explain."""

    id: UUID
    file_name: str
    first_day: date
    last_day: date
    uploaded_at: datetime
    lines: int
    matched: int
    differing: int
    open_differences: int = Field(
        description="Open differences; of those named awaited_at_partner nothing is asked yet."
    )
    unexplained: int = Field(description="Lines and orders that neither agree nor have a named difference.")
    clean: bool
    by_class: dict[BreakClass, int]
    number: int | None = Field(description="Your own number of the statement.")
    edition: int = Field(description="1, or more when it replaces another.")
    replaced_by: UUID | None = Field(description="The statement that replaces this one: its own figures are then 0.")

    @classmethod
    def of(cls, row: StatementRow) -> StatementOut:
        """Return a statement with its figures as the API tells them."""
        figures = row.figures
        return cls(
            id=row.id,
            file_name=row.file_name,
            first_day=row.first_day,
            last_day=row.last_day,
            uploaded_at=row.uploaded_at,
            lines=figures.lines,
            matched=figures.matched,
            differing=figures.differing,
            open_differences=figures.open,
            unexplained=figures.unexplained,
            clean=figures.clean and row.replaced_by is None,
            by_class=figures.by_class,
            number=row.number,
            edition=row.edition,
            replaced_by=row.replaced_by,
        )


class SideOut(BaseModel):
    """What one side says of a top-up."""

    reference: str | None
    line: int | None
    state: str
    quantity: Pieces
    unit: Unit
    at: datetime

    @classmethod
    def theirs(cls, said: Theirs) -> SideOut:
        """Return the partner's line."""
        reference = said.our_ref or said.partner_ref or said.serial
        return cls(
            reference=reference,
            line=said.line,
            state=said.status,
            quantity=said.quantity,
            unit=said.unit,
            at=said.at,
        )

    @classmethod
    def ours(cls, said: Ours) -> SideOut:
        """Return our order."""
        return cls(
            reference=str(said.order_id),
            line=None,
            state=said.state,
            quantity=said.quantity,
            unit=said.unit,
            at=said.at,
        )


class DifferenceOut(BaseModel):
    """A difference between a statement and the books: its class, and what each side says."""

    id: UUID
    kind: BreakClass
    priority: int = Field(ge=1, le=4)
    quantity: Pieces
    unit: Unit
    found_at: datetime
    resolved_at: datetime | None
    theirs: SideOut | None
    ours: SideOut | None

    @classmethod
    def of(cls, found: Difference) -> DifferenceOut:
        """Return a difference as the API tells it."""
        return cls(
            id=found.id,
            kind=found.kind,
            priority=found.priority,
            quantity=found.quantity,
            unit=found.unit,
            found_at=found.found_at,
            resolved_at=found.resolved_at,
            theirs=None if found.theirs is None else SideOut.theirs(found.theirs),
            ours=None if found.ours is None else SideOut.ours(found.ours),
        )


class Listing(BaseModel):
    """Part of a list; `next` is the address of the following part, null at the end."""

    total: int
    next: str | None


class AllocationsOut(Listing):
    """Gifts, oldest first."""

    items: list[AllocationOut]


class StatementsOut(Listing):
    """Statements, newest first."""

    items: list[StatementOut]


class DifferencesOut(Listing):
    """Differences, most urgent first."""

    items: list[DifferenceOut]


class Problem(BaseModel):
    """RFC 9457. `code` is stable and documented; `detail` is a sentence with the next step."""

    type: str = Field(description="`urn:coup-de-pouce:` and the code.")
    title: str
    status: int
    code: str = Field(description="Stable: decide by it.")
    detail: str | None = Field(default=None, description="A sentence for people, with the next step.")
    field: str | None = Field(default=None, description="The parameter, header or field that is wrong.")
    line: int | None = Field(default=None, description="Of a file: counted from 1.")
    column: str | None = Field(default=None, description="Of a file: its name, or its number.")
    faults: dict[str, str] | None = Field(default=None, description="Each wrong field and what is wrong with it.")
    incident: str | None = Field(default=None, description="Of an error of ours (500): tell it to the charity.")
