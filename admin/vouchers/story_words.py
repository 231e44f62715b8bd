"""The life of a voucher in words, for the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import url_for
from flask_babel import gettext as _

from voucher_service.impact.story import Event, Step
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.outcomes import words as outcome_words
from voucher_service.web import doors

Told = dict[str, str]

_TONES = {
    Step.ISSUED: "wait",
    Step.REFUSED: "bad",
    Step.REDEEMED: "ok",
    Step.VISIT: "ok",
    Step.ORDERED: "wait",
    Step.DELIVERED: "ok",
    Step.GIVEN_BACK: "check",
    Step.UNDONE: "check",
    Step.ON_STATEMENT: "ok",
}


def told(events: Sequence[Event], who: Mapping[str, str], places: Mapping[int, str]) -> list[Told]:
    """Return the events as the timeline macro shows them, the newest first."""
    return [_told(event, who, places) for event in reversed(events)]


def _told(event: Event, who: Mapping[str, str], places: Mapping[int, str]) -> Told:
    amount = (
        doors.say_quantity(event.quantity, event.unit) if event.quantity is not None and event.unit is not None else ""
    )
    place = places.get(event.branch_id, "") if event.branch_id is not None else ""
    by = who.get(event.actor, "") if event.actor else ""
    parts = [_text(event), amount if event.step is not Step.VISIT else _paid(event), place, by]
    return {
        "title": _title(event),
        "at": event.at.isoformat(),
        "when": doors.say_moment(event.at, "short"),
        "text": " · ".join(part for part in parts if part),
        "tone": _TONES.get(event.step, "none"),
        "href": _href(event),
    }


def _title(event: Event) -> str:
    return str(
        {
            Step.ISSUED: _("Émis"),
            Step.REFUSED: _("Présenté, refusé"),
            Step.REDEEMED: _("Présenté, accepté"),
            Step.VISIT: _("Passage enregistré"),
            Step.ORDERED: _("Recharge demandée"),
            Step.ASKED: _("Question à l’opérateur"),
            Step.DELIVERED: _("Recharge livrée"),
            Step.GIVEN_BACK: _("Refusé par l’opérateur, rendu au bon"),
            Step.UNDONE: _("Passage annulé à l’antenne, rendu au bon"),
            Step.ON_STATEMENT: _("Sur le relevé de l’opérateur"),
            Step.CANCELLED: _("Annulé"),
            Step.REPLACED: _("Remplacé"),
            Step.EXPIRED: _("Périmé"),
        }[event.step]
    )


def _text(event: Event) -> str:
    match event.step:
        case Step.REFUSED:
            told = outcome_words(Outcome(event.detail)).word
        case Step.ISSUED if event.other_id is not None:
            told = _("en remplacement d’un autre bon")
        case Step.ASKED if event.detail:
            told = _("réponse : %(answer)s", answer=event.detail)
        case Step.ON_STATEMENT:
            known = {"delivered": _("livré"), "refused": _("refusé"), "reversed": _("repris")}
            told = known.get(event.detail, event.detail)
        case Step.REDEEMED | Step.ORDERED | Step.VISIT:
            told = ""
        case _other:
            told = event.detail
    return str(told)


def _paid(event: Event) -> str:
    if not event.quantity or event.unit is None:
        return ""
    return str(_("%(price)s payés", price=doors.say_quantity(event.quantity, event.unit)))


def _href(event: Event) -> str:
    if event.other_id is None:
        return ""
    if event.step in {Step.ISSUED, Step.REPLACED}:
        return url_for("admin.vouchers.show", voucher_id=event.other_id)
    return url_for("admin.visits.show", visit_id=event.other_id) if event.step in {Step.VISIT, Step.UNDONE} else ""
