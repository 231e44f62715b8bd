"""What both lists of promises in vain share, those of devices and those of paper.

A person opens what was sealed, for a purpose that is logged, and closes the row once with a word on what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.counter import unsettled_words as words
from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.visits.offline import closing
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Status
from voucher_service.visits.paper.models import PaperLine
from voucher_service.web import doors

OPENINGS = doors.Rule("admin-offline-open", tries=60, seconds=3600)

Row = OfflineEntry | PaperLine


class Which(StrEnum):
    """Which of them to show."""

    WAITING = "waiting"
    SETTLED = "settled"


class Why(StrEnum):
    """Why someone opens what was sealed: a closed set, so that no name ends in the log."""

    CALL_BACK = "call_back"
    MAKE_GOOD = "make_good"
    COMPARE = "compare"


class Opening(BaseModel):
    """What the form that opens the sealed part sends."""

    purpose: Why


class Settlement(BaseModel):
    """What the form that closes a row sends."""

    note: str = Field(min_length=3, max_length=400)


class Page(Protocol):
    """How one row is shown: with what was sealed, when someone has just opened it, and with what is to mend."""

    def __call__(
        self, row_id: UUID, *, content: dict[str, Any] | None = None, errors: Mapping[str, str] | None = None
    ) -> str:
        """Return the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the lists. `name` begins its events in the log; `row` is what one row is called there and in addresses."""

    table: type[Any]  # of a Row
    name: str
    endpoint: str
    row: str
    read_kept: Callable[[Vault, Any], dict[str, Any]]
    page: Page

    def href(self, act: str, row_id: UUID) -> str:
        """Return the address of an act on one row."""
        values: dict[str, Any] = {f"{self.row}_id": row_id}
        return url_for(f"{self.endpoint}.{act}", **values)


def confirmed(row: Row) -> bool:
    """Say whether the books confirmed it: then nobody has to settle it."""
    return row.status == Status.CONFIRMED.value


def waiting(row: Row | None) -> None:
    """Raise NotFound: no such row, or it was confirmed and nothing of it was kept beside the visit."""
    if row is None or (confirmed(row) and row.content_sealed is None):
        raise NotFound(_("Ce passage n’attend personne : revenez à la liste."))


def reveal(kind: Kind, row_id: UUID) -> ResponseReturnValue:
    """Open what was sealed, for a purpose that is logged. Nothing is stored: the answer is the page."""
    doors.throttle().spend(OPENINGS, room.actor())
    try:
        sent = doors.read_form(Opening)
    except doors.BadForm as error:
        return kind.page(row_id, errors=error.faults), 422
    with doors.services().database.read() as session:
        row: Row | None = session.get(kind.table, row_id)
        waiting(row)
        content = kind.read_kept(doors.services().vault, row)
    room.log(f"{kind.name}_content_opened", **{kind.row: str(row_id)}, purpose=sent.purpose.value)
    return kind.page(row_id, content=content)


def settle(kind: Kind, row_id: UUID, *, done: str) -> ResponseReturnValue:
    """Close it with a word on what was done; `done` says what that means."""
    try:
        sent = doors.read_form(Settlement)
        doors.services().database.run(closing.close, row_id, note=sent.note, actor=room.actor(), now=doors.now())
    except BadInput as error:
        return kind.page(row_id, errors=doors.faults_of(error)), 422
    except Conflict as error:
        return room.refused(error, f"{kind.endpoint}.show", **{f"{kind.row}_id": row_id})
    room.log(f"{kind.name}_{kind.row}_settled", **{kind.row: str(row_id)})
    return room.done(done, f"{kind.endpoint}.index")


def context(
    kind: Kind, row: Row, content: dict[str, Any] | None, shown: list[tuple[str, object]], errors: Mapping[str, str]
) -> dict[str, Any]:
    """Return what `counter/settling.html` needs; `shown` is what is shown of `content`."""
    return {
        "sealed": row.content_sealed is not None,
        "content": content,
        "shown": shown,
        "purposes": purposes(),
        "errors": errors,
        "say": words,
        "won": winner(row),
        "may_settle": row.closed_at is None and not confirmed(row),
        "reason": row.reason,
        "reveal_href": kind.href("reveal", row.id),
        "settle_href": kind.href("settle", row.id),
    }


def choices() -> list[tuple[str, str]]:
    """Return which rows a list can show, in words."""
    return [(Which.WAITING.value, _("À régler")), (Which.SETTLED.value, _("Réglés"))]


def purposes() -> list[tuple[str, str]]:
    """Return why someone may open what was sealed, in words."""
    return [
        (Why.CALL_BACK.value, _("Rappeler la personne")),
        (Why.MAKE_GOOD.value, _("Lui émettre un autre bon")),
        (Why.COMPARE.value, _("Comparer avec ce que dit l’antenne")),
    ]


def winner(row: Row) -> tuple[datetime, str] | None:
    """Return since when the books say so, and at which branch if it was used; None when they say nothing."""
    at = row.detail.get("at")
    return (datetime.fromisoformat(at), str(row.detail.get("branch", ""))) if at else None
