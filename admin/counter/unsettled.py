"""What devices accepted without a network and the books could not confirm: a person looks, acts and closes it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.counter import settling
from admin.counter import unsettled_words as words
from admin.counter.settling import Kind
from voucher_service.staff.device_models import Device
from voucher_service.staff.lists import branch_names
from voucher_service.visits.offline import overview
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.upload import read_kept
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

blueprint = Blueprint("offline", __name__, url_prefix="/offline")


class Which(StrEnum):
    """Which of them to show; `kept`: confirmed ones of which something did not go into the visit."""

    WAITING = "waiting"
    SETTLED = "settled"
    KEPT = "kept"


class EntryFilter(BaseModel):
    """The filters above the list."""

    which: Which = Which.WAITING
    branch_id: int | None = Field(default=None, ge=1, lt=2**31)
    device_id: UUID | None = None


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List what waits for a person, or what was settled, the newest first."""
    wanted = doors.read_query(EntryFilter)
    with doors.services().database.read() as session:
        query = overview.entries_query(
            settled=wanted.which is Which.SETTLED,
            kept=wanted.which is Which.KEPT,
            branch_id=wanted.branch_id,
            device_id=wanted.device_id,
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
        which=[*settling.choices(), (Which.KEPT.value, _("Confirmés, avec des réponses à part"))],
        say=words,
        winner=settling.winner,
    )


@blueprint.get("/<uuid:entry_id>")
@room.READ
def show(entry_id: UUID) -> ResponseReturnValue:
    """Show one with both facts."""
    return _page(entry_id)


@blueprint.post("/<uuid:entry_id>/content")
@room.WRITE
def reveal(entry_id: UUID) -> ResponseReturnValue:
    """Open what the device sealed."""
    return settling.reveal(_KIND, entry_id)


@blueprint.post("/<uuid:entry_id>/settle")
@room.WRITE
def settle(entry_id: UUID) -> ResponseReturnValue:
    """Close it with a word on what was done."""
    done = _("Réglé : l’appareil retrouve cette part de son crédit hors ligne.")
    return settling.settle(_KIND, entry_id, done=done)


def _page(row_id: UUID, *, content: dict[str, Any] | None = None, errors: Mapping[str, str] | None = None) -> str:
    with doors.services().database.read() as session:
        entry = session.get(OfflineEntry, row_id)
        settling.waiting(entry)
        assert entry is not None, "waiting() has seen it"
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
        who=who,
        **settling.context(_KIND, entry, content, _shown(content or {}, entry.detail), errors or {}),
    )


def _shown(content: dict[str, Any], detail: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return what a person needs of the sealed part. The code stays closed: it could be spent."""
    answers = content.get("answers") or {}
    apart = [(name, str(answers.get(name, ""))) for name in detail.get("left_out", []) if name in answers]
    paid = content.get("paid_cents") or 0
    return [
        (_("Numéro à recharger"), content.get("number") or ""),
        (_("Prix pris à l’antenne"), doors.say_quantity(paid, "eur_cent") if isinstance(paid, int) else ""),
        (_("Prochain passage"), content.get("next_visit_on") or ""),
        (_("Note"), content.get("note") or ""),
        (_("Réponses notées"), str(len(answers))),
        *apart,
    ]


_KIND = Kind(table=OfflineEntry, name="offline", endpoint="admin.offline", row="entry", read_kept=read_kept, page=_page)
