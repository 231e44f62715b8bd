"""What the counter's page sends, as pydantic models."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from voucher_service.errors import BadInput, NotAllowed
from voucher_service.people.phones import read_mobile
from voucher_service.visits.follow_up import MAX_NOTE, check_next_visit, clean_note
from voucher_service.visits.questions import tidy
from voucher_service.visits.redeem import ScanRequest
from voucher_service.visits.undo import MAX_REASON
from voucher_service.web import doors
from voucher_service.web.counter.desk_state import sees_people, till_of

CLOCK_LEEWAY = timedelta(minutes=10)
"""How far a device's clock may be ahead of ours; the page corrects its own by ours when it loads."""

OLDEST_SCAN = timedelta(days=31)

Code = Annotated[str, Field(min_length=1, max_length=1000)]
BranchId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Note = Annotated[str, Field(max_length=MAX_NOTE * 2)]


class LookIn(BaseModel):
    """A code to look at."""

    model_config = ConfigDict(extra="forbid")

    code: Code


class ScanIn(BaseModel):
    """A code to redeem, with the visit. The page makes `scan_id` and keeps it for every new try."""

    model_config = ConfigDict(extra="forbid")

    scan_id: UUID
    code: Code
    branch_id: BranchId
    scanned_at: AwareDatetime
    number: str | None = Field(default=None, max_length=40)
    use_known_number: bool = False
    paid_cents: int = Field(default=0, ge=0, le=1_000_000)
    answers: dict[str, Any] = Field(default_factory=dict, max_length=60)
    note: Note = ""
    next_visit_on: date | None = None


class RevealIn(BaseModel):
    """The wish to see a recharge code; `reason` from the second time on."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=400)


class HandOverIn(BaseModel):
    """An article goes into someone's hands: what was scanned or typed of it, and a SIM's number when it is known."""

    model_config = ConfigDict(extra="forbid")

    serial: str = Field(default="", max_length=60)
    number: str = Field(default="", max_length=40)


class UndoIn(BaseModel):
    """Why a redemption is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=MAX_REASON * 2)


def scan_request(sent: ScanIn, now: datetime) -> ScanRequest:
    """Return what was sent as the feature takes it.

    Raises:
        BadInput: naming the field. NotAllowed: a volunteer asked for the number on file.
    """
    if sent.use_known_number and not sees_people():
        raise NotAllowed("Le numéro connu n’est pas montré aux bénévoles : demandez-le à la personne.")
    if sent.use_known_number and sent.number:
        raise BadInput("Choisissez : le numéro connu, ou un autre numéro.", field="use_known_number")
    check_next_visit(sent.next_visit_on, now)
    return ScanRequest(
        scan_id=sent.scan_id,
        code=sent.code,
        branch_id=sent.branch_id,
        till_book_id=till_of(sent.branch_id),
        staff_id=doors.current_staff().id,
        scanned_at=_past(sent.scanned_at, now),
        number=read_mobile(sent.number, field="number") if sent.number and sent.number.strip() else None,
        number_on_file=sent.use_known_number,
        paid_cents=sent.paid_cents,
        answers=tidy(sent.answers),
        note=clean_note(sent.note),
        next_visit_on=sent.next_visit_on,
    )


def _past(at: datetime, now: datetime) -> datetime:
    if at > now + CLOCK_LEEWAY:
        raise BadInput("L’horloge de cet appareil avance : mettez-la à l’heure, puis recommencez.", field="scanned_at")
    if at < now - OLDEST_SCAN:
        raise BadInput("Ce passage date de plus d’un mois : signalez-le à la coordination.", field="scanned_at")
    return at.astimezone(UTC)
