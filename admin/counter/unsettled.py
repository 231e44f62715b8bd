"""What devices accepted without a network and the books could not confirm: a person looks, acts and closes it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.counter import unsettled_words as words
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.staff.device_models import Device
from voucher_service.staff.lists import branch_names
from voucher_service.visits.offline import closing, overview
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.offline.upload import read_kept
from voucher_service.visits.paper.models import PaperLine
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("offline", __name__, url_prefix="/offline")

OPENINGS = doors.Rule("admin-offline-open", tries=60, seconds=3600)


class Which(StrEnum):
    """Which of them to show."""

    WAITING = "waiting"
    SETTLED = "settled"


class Why(StrEnum):
    """Why someone opens what was sealed: a closed set, so that no name ends in the log."""

    CALL_BACK = "call_back"
    MAKE_GOOD = "make_good"
    COMPARE = "compare"


class EntryFilter(BaseModel):
    """The filters above the list."""

    which: Which = Which.WAITING
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)
    device_id: UUID | None = None


class Opening(BaseModel):
    """What the form that opens the sealed part sends."""

    purpose: Why


class Settlement(BaseModel):
    """What the form that closes an entry sends."""

    note: str = Field(min_length=3, max_length=400)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List what waits for a person, or what was settled, the newest first."""
    wanted = doors.read_query(EntryFilter)
    with doors.services().database.read() as session:
        query = overview.entries_query(
            settled=wanted.which is Which.SETTLED, branch_id=wanted.branch_id, device_id=wanted.device_id
        )
        found = doors.page_of(session, query, by=OfflineEntry.id, parse=UUID)
        devices = overview.devices_of(session, found.items)
        only = session.get(Device, wanted.device_id) if wanted.device_id else None
        places = branch_names(session)
    return room.page(
        "counter/unsettled",
        found=found,
        wanted=wanted,
        devices=devices,
        only=only,
        places=places,
        which=[(Which.WAITING.value, _("À régler")), (Which.SETTLED.value, _("Réglés"))],
        say=words,
        winner=winner,
    )


@blueprint.get("/<uuid:entry_id>")
@room.READ
def show(entry_id: UUID) -> ResponseReturnValue:
    """Show one with both facts."""
    return _page(entry_id)


@blueprint.post("/<uuid:entry_id>/content")
@room.WRITE
def reveal(entry_id: UUID) -> ResponseReturnValue:
    """Open what the device sealed, for a purpose that is logged. Nothing is stored: the answer is the page."""
    doors.throttle().spend(OPENINGS, room.actor())
    try:
        sent = doors.read_form(Opening)
    except doors.BadForm as error:
        return _page(entry_id, errors=error.faults), 422
    with doors.services().database.read() as session:
        content = read_kept(doors.services().vault, _entry(session.get(OfflineEntry, entry_id)))
    room.log("offline_content_opened", entry=str(entry_id), purpose=sent.purpose.value)
    return _page(entry_id, content=content)


@blueprint.post("/<uuid:entry_id>/settle")
@room.WRITE
def settle(entry_id: UUID) -> ResponseReturnValue:
    """Close it with a word on what was done."""
    try:
        sent = doors.read_form(Settlement)
        doors.services().database.run(closing.close, entry_id, note=sent.note, actor=room.actor(), now=doors.now())
    except BadInput as error:
        return _page(entry_id, errors=doors.faults_of(error)), 422
    except Conflict as error:
        return room.refused(error, "admin.offline.show", entry_id=entry_id)
    room.log("offline_entry_settled", entry=str(entry_id))
    return room.done(_("Réglé : l’appareil retrouve cette part de son crédit hors ligne."), "admin.offline.index")


def winner(entry: OfflineEntry | PaperLine) -> tuple[datetime, str] | None:
    """Return since when the books say so, and at which branch if it was used; None when they say nothing."""
    at = entry.detail.get("at")
    return (datetime.fromisoformat(at), str(entry.detail.get("branch", ""))) if at else None


def _entry(entry: OfflineEntry | None) -> OfflineEntry:
    if entry is None or entry.status == Status.CONFIRMED.value:
        raise NotFound(_("Ce passage n’attend personne : revenez à la liste."))
    return entry


def _page(entry_id: UUID, *, content: dict[str, Any] | None = None, errors: dict[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        entry = _entry(session.get(OfflineEntry, entry_id))
        device = session.get_one(Device, entry.device_id)
        voucher = session.get(Voucher, entry.voucher_id) if entry.voucher_id else None
        by = overview.at_the_device(session, entry)
        places = branch_names(session)
        who = room.who(session, [entry.closed_by])
    return room.page(
        "counter/entry",
        entry=entry,
        device=device,
        voucher=voucher,
        reference=reference_of(voucher) if voucher else f"{entry.key_id}-{entry.serial}",
        by=by.name if by else _("inconnu"),
        place=places[device.branch_id],
        won=winner(entry),
        sealed=entry.content_sealed is not None,
        content=content,
        shown=_shown(content) if content else [],
        purposes=purposes(),
        errors=errors or {},
        who=who,
        say=words,
    )


def _shown(content: dict[str, Any]) -> list[tuple[str, object]]:
    """Return what a person needs of the sealed part. The code stays closed: it could be spent."""
    paid = content.get("paid_cents") or 0
    return [
        (_("Numéro à recharger"), content.get("number") or ""),
        (_("Prix pris à l’antenne"), doors.say_quantity(paid, "eur_cent") if isinstance(paid, int) else ""),
        (_("Prochain passage"), content.get("next_visit_on") or ""),
        (_("Note"), content.get("note") or ""),
        (_("Réponses notées"), str(len(content.get("answers") or {}))),
    ]


def purposes() -> list[tuple[str, str]]:
    """Return why someone may open what was sealed, in words."""
    return [
        (Why.CALL_BACK.value, _("Rappeler la personne")),
        (Why.MAKE_GOOD.value, _("Lui émettre un autre bon")),
        (Why.COMPARE.value, _("Comparer avec ce que dit l’antenne")),
    ]
