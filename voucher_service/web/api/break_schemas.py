"""What the API tells of breaks and takes about them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from voucher_service.reconciliation.models import BreakClass
from voucher_service.reconciliation.work.models import BreakEvent, Side, Step
from voucher_service.reconciliation.work.notes import NOTE_MOST
from voucher_service.reconciliation.work.worklist import Age, Item, Life
from voucher_service.web.api.schemas import Asked, DifferenceOut, Listing


class AskedBreaks(Asked):
    """Which breaks."""

    kind: BreakClass | None = None
    priority: int | None = Field(default=None, ge=1, le=4)
    age: Age | None = Field(default=None, description="Whole days since it was found.")
    open: bool | None = Field(default=None, description="true: only those to settle; false: only the others.")


class NoteIn(BaseModel):
    """A note to write under a break. Never a name or a telephone number."""

    model_config = ConfigDict(extra="forbid")

    words: str = Field(min_length=3, max_length=NOTE_MOST)


class StepOut(BaseModel):
    """One step in the history of a break; `words` are those of a note or of a proposed booking."""

    id: UUID
    step: Step
    side: Side
    at: datetime
    words: str | None
    was: str | None
    became: str | None

    @classmethod
    def of(cls, event: BreakEvent) -> StepOut:
        """Return a step; who of the programme did it stays inside."""
        is_person = event.step in {Step.TAKEN, Step.GIVEN_BACK}
        return cls(
            id=event.id, step=Step(event.step), side=Side(event.side), at=event.at, words=event.words,
            was=None if is_person else event.was, became=None if is_person else event.became,
        )  # fmt: skip


class BreakOut(DifferenceOut):
    """A difference as work: its statement, its age, and how it stands across comparisons."""

    statement_id: UUID | None = Field(description="null while it is known from no statement: a late delivery.")
    file_name: str | None
    life: Life
    days: int = Field(ge=0)
    age: Age
    settlement_pending: bool = Field(description="A booking waits for a second person.")

    @classmethod
    def of_item(cls, item: Item) -> BreakOut:
        """Return a break of the list."""
        told = DifferenceOut.of(item.difference).model_dump()
        return cls(
            **told, statement_id=item.statement_id, file_name=item.file_name, life=item.life, days=item.days,
            age=item.age, settlement_pending=item.pending,
        )  # fmt: skip


class BreaksOut(Listing):
    """Breaks, most urgent first."""

    items: list[BreakOut]


class StepsOut(Listing):
    """What happened to a break, oldest first: new steps come at the end of the last page."""

    items: list[StepOut]
