"""What the counter says: an outcome, a live voucher and an order's progress as plain data for page and program."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _

from voucher_service.fulfilment.models import Order
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.partners.models import Offer
from voucher_service.people.phones import masked
from voucher_service.units import Unit
from voucher_service.visits.desk import Desk
from voucher_service.visits.outcomes import Outcome, words
from voucher_service.visits.questions import in_language
from voucher_service.visits.redeem import Recorded
from voucher_service.web import doors

TONES = {
    Outcome.ACCEPTED: "ok",
    Outcome.USED: "bad",
    Outcome.EXPIRED: "bad",
    Outcome.CANCELLED: "bad",
    Outcome.REPLACED: "bad",
    Outcome.FOREIGN: "bad",
    Outcome.FORGED: "bad",
    Outcome.UNKNOWN_VOUCHER: "check",
    Outcome.UNKNOWN_KEY: "check",
    Outcome.NOT_A_VOUCHER: "check",
    Outcome.DAMAGED: "check",
    Outcome.MISTYPED: "check",
    Outcome.UNKNOWN_TYPED: "check",
}
PROGRESS_TONES = {
    Progress.UNDER_WAY: "wait",
    Progress.CONFIRMED: "ok",
    Progress.CODE_READY: "ok",
    Progress.ARTICLE_READY: "ok",
    Progress.HANDED_OVER: "ok",
    Progress.OUT_OF_STOCK: "check",
    Progress.GIVEN_BACK: "check",
    Progress.UNDONE: "check",
    Progress.TO_CHECK: "check",
    Progress.CLOSED: "check",
}
SETTLED = {Progress.CONFIRMED, Progress.HANDED_OVER, Progress.GIVEN_BACK, Progress.UNDONE, Progress.CLOSED}


def moment(at: datetime) -> str:
    """Return an instant as people of the branch say it: 4 mars 2026 à 12 h 05."""
    return doors.say_moment(at, "d MMMM y 'at' H:mm" if doors.language() == "en" else "d MMMM y 'à' H\u00a0'h'\u00a0mm")


def day(on: date) -> str:
    """Return a date in words."""
    return doors.say_day(on, "long")


def offer_name(offer: Offer) -> str:
    """Return the offer's name in the language of this answer."""
    return offer.name_en if doors.language() == "en" else offer.name_fr


def outcome_words(outcome: Outcome, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{outcome, tone, words: {word, sentence, next_step}, detail}`, when and where in local words."""
    local = {"at": "", "branch": "", "last_day": ""}
    if "at" in detail:
        local["at"] = moment(datetime.fromisoformat(detail["at"]))
    if "last_day" in detail:
        local["last_day"] = day(date.fromisoformat(detail["last_day"]))
    local["branch"] = detail.get("branch", "")
    said = words(outcome, doors.language(), **local)
    return {
        "outcome": outcome.value,
        "tone": TONES[outcome],
        "words": {"word": said.word, "sentence": said.sentence, "next_step": said.next_step},
        "detail": {**detail, **{f"{name}_local": text for name, text in local.items() if text and name != "branch"}},
    }


def recorded_words(recorded: Recorded) -> dict[str, Any]:
    """Return the answer to a scan."""
    return {
        "scan_id": str(recorded.scan_id),
        **outcome_words(recorded.outcome, recorded.detail),
        "order_id": str(recorded.order_id) if recorded.order_id else None,
        "visit_id": str(recorded.visit_id) if recorded.visit_id else None,
    }


def receipt_href(visit_id: UUID | None) -> str:
    """Return where the receipt of a visit at which something was paid is; "" for none."""
    return "" if visit_id is None else url_for("counter_receipts.show", visit_id=visit_id)


def desk_words(desk: Desk) -> dict[str, Any]:
    """Return what the page needs to redeem this voucher."""
    voucher, known = desk.voucher, desk.known
    return {
        "outcome": "ok",
        "tone": "info",
        "words": {
            "word": _("Valable"),
            "sentence": _("Ce bon n’a pas encore servi."),
            "next_step": _("Rien n’est enregistré : c’était un simple regard."),
        },
        "offer": offer_name(desk.offer),
        "value": doors.say_quantity(voucher.quantity, voucher.unit),
        "quantity": voucher.quantity,
        "unit": voucher.unit,
        "price_cents": voucher.price_cents,
        "price": doors.say_quantity(voucher.price_cents, Unit.EUR_CENT),
        "last_day": voucher.last_day.isoformat(),
        "last_day_local": day(voucher.last_day),
        "needs_number": desk.needs_number,
        "known_number_masked": masked(known.number) if known and known.number else None,
        "known_number_fresh": bool(known and known.fresh),
        "person_reference": known.reference if known else None,
        "last_visit": moment(known.last_visit_at) if known and known.last_visit_at else None,
        "today": desk.today.isoformat(),
        "next_visit_on": desk.next_visit_on.isoformat(),
        "questions": in_language(desk.questions, doors.language()),
    }


def order_words(order: Order) -> dict[str, Any]:
    """Return what became of the top-up: `final` when nothing more will change by itself."""
    said = status_words(order)
    return {
        "order_id": str(order.id),
        "progress": said.word.value,
        "tone": PROGRESS_TONES[said.word],
        "sentence": _(said.sentence),
        "next_step": _(said.next_step),
        "final": said.word in SETTLED,
    }
