"""What a device sealed: the code and everything personal, as the redemption takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from voucher_service.errors import BadInput
from voucher_service.people.phones import read_mobile
from voucher_service.visits.follow_up import check_next_visit, clean_note
from voucher_service.visits.offline.wire import BadWire
from voucher_service.visits.questions import Question, check_answers, tidy

_MOST_PAID = 1_000_000
_MOST_ANSWERS = 60
_LONGEST_CODE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The sealed part, its kinds checked. `number` is as typed, or None."""

    code: str
    number: str | None
    paid_cents: int
    answers: Mapping[str, Any]
    note: str
    next_visit_on: str | None


def read_content(opened: Mapping[str, Any]) -> Content:
    """Return the content of a sealed JSON object.

    Raises:
        BadWire: a field is of another kind, or out of all bounds.
    """
    found = Content(
        code=opened.get("code", ""),
        number=opened.get("number"),
        paid_cents=opened.get("paid_cents", 0),
        answers=opened.get("answers", {}),
        note=opened.get("note", ""),
        next_visit_on=opened.get("next_visit_on"),
    )
    fits = (
        _text(found.code, most=_LONGEST_CODE)
        and (found.number is None or _text(found.number, most=40))
        and type(found.paid_cents) is int
        and 0 <= found.paid_cents <= _MOST_PAID
        and isinstance(found.answers, dict)
        and len(found.answers) <= _MOST_ANSWERS
        and _text(found.note, most=2000)
        and (found.next_visit_on is None or _text(found.next_visit_on, most=10))
    )
    if not fits:
        raise BadWire("the sealed part holds something else than it should")
    return found


def _text(value: object, *, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most and "\x00" not in value


def number_of(content: Content) -> str | None:
    """Return the number in E.164, None when there is none. Raises BadInput: it cannot be one."""
    return read_mobile(content.number, field="number") if content.number and content.number.strip() else None


def answers_of(questions: Sequence[Question], content: Content) -> tuple[dict[str, Any], list[str]]:
    """Return the answers that fit today's form, and the names of those that do not: the form may have changed."""
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    for name, value in tidy(content.answers).items():
        try:
            kept |= check_answers(questions, {name: value}, required=False)
        except BadInput:
            left_out.append(str(name)[:60])
    return kept, left_out


def note_of(content: Content) -> str:
    """Return the note as visits keep it; empty when it is too long to be kept there."""
    try:
        return clean_note(content.note)
    except BadInput:
        return ""


def next_visit_of(content: Content, accepted_at: datetime) -> date | None:
    """Return the day proposed for the next visit, if it is one."""
    try:
        day = date.fromisoformat(content.next_visit_on or "")
        check_next_visit(day, accepted_at)
    except (ValueError, BadInput):
        return None
    return day
