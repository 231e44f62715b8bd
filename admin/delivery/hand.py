"""What the page of a break shows of matching by hand: what may be matched, what waits, what holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin import room
from voucher_service.reconciliation.work import pair
from voucher_service.reconciliation.work.models import Pairing
from voucher_service.reconciliation.work.suggest import Suggestion
from voucher_service.reconciliation.work.worklist import Item
from voucher_service.web.alike import say_alike
from voucher_service.web.say import say_moment


def shown(session: Session, item: Item, hints: Sequence[Suggestion]) -> dict[str, Any]:
    """Return what the page needs: `answers` are choices (which, what was said, by whom and why)."""
    answers = pair.pairings_of(session, item.difference.id)
    who = room.who(session, [one.proposed_by for one in answers])
    of_line = item.difference.theirs is not None
    return {
        "candidates": [(one.order_id if of_line else one.line_break, *_words(one)) for one in hints],
        "others": [(one.break_id, _words(one)[0]) for one in hints if one.break_id is not None],
        "may_name": pair.may_be_named(session, item.difference.id),
        "waiting": next((one for one in answers if one.agreed is None), None),
        "answers": [_answer(one, who) for one in answers if one.agreed == 1 and one.undone_at is None],
        "pair_who": who,
    }


def _answer(one: Pairing, who: Mapping[str, str]) -> tuple[str, str, str]:
    said = _("La même recharge : %(order)s") if one.is_same else _("Pas la même recharge : %(order)s")
    why = f"{who[one.proposed_by]} · {say_moment(one.proposed_at, 'short')} · « {one.note} »"
    return str(one.id), said % {"order": one.order_id}, why


def _words(one: Suggestion) -> tuple[str, str]:
    what = _("ligne %(n)s", n=one.line) if one.line else _("notre recharge")
    return f"{what} · {say_moment(one.at, 'short')}", f"{say_alike(one)} · {one.reference or '–'}"
