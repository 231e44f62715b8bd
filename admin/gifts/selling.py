"""What a partner sells, and whose number it says a number is: asked when a person asks, kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import room
from admin.gifts import connection_calls, connection_words
from voucher_service.errors import BadInput, NotFound
from voucher_service.fulfilment.abilities import Guess, HasCatalogue, Identifies, Product
from voucher_service.people.phones import read_mobile
from voucher_service.web import doors

blueprint = Blueprint("selling", __name__, url_prefix="/connections")

MOST = 200
"""So many products are shown at once; a word finds the others."""


@blueprint.get("/<uuid:connection_id>/selling")
@room.WRITE
def ask(connection_id: UUID) -> ResponseReturnValue:
    """Show both questions. Nothing is asked of the partner yet."""
    return _page(connection_id)


@blueprint.post("/<uuid:connection_id>/selling")
@room.WRITE
def catalogue(connection_id: UUID) -> ResponseReturnValue:
    """Ask what the partner sells, and show what holds the word that was typed."""
    word = request.form.get("word", "").strip()[:80]
    try:
        there = connection_calls.partner(connection_id)
        if not isinstance(there, HasCatalogue):
            raise NotFound(_("Ce partenaire ne donne pas de catalogue."))
        products = connection_calls.asked(there, there.catalogue)
    except connection_calls.Unanswered as fault:
        return _page(connection_id, word=word, failed=connection_words.result(fault.code))
    return _page(connection_id, word=word, products=holding(word, products))


@blueprint.post("/<uuid:connection_id>/selling/number")
@room.WRITE
def number(connection_id: UUID) -> ResponseReturnValue:
    """Ask whose number it is. The number is kept nowhere."""
    try:
        typed = read_mobile(request.form.get("number", "")[:40], field="number")
        there = connection_calls.partner(connection_id)
        if not isinstance(there, Identifies):
            raise NotFound(_("Ce partenaire ne dit pas à qui est un numéro."))
        guess = connection_calls.asked(there, partial(there.identify, typed))
    except BadInput as error:
        return _page(connection_id, errors=dict(doors.faults_of(error))), 422
    except connection_calls.Unanswered as fault:
        return _page(connection_id, failed=connection_words.result(fault.code))
    return _page(connection_id, guess=guess if isinstance(guess, Guess) else None, unknown=not isinstance(guess, Guess))


def holding(word: str, products: Sequence[Product]) -> list[Product]:
    """Return the products that hold the word in their code, name or operator, in the order of their operators."""
    wanted = word.casefold()
    found = [one for one in products if wanted in f"{one.code} {one.name} {one.operator}".casefold()]
    return sorted(found, key=lambda one: (one.operator.casefold(), one.name.casefold(), one.code))


def price(one: Product) -> str:
    """Return what amounts may be ordered, in words; "" when the partner does not tell them in a unit of ours."""
    if one.unit is None or one.minimum is None or one.maximum is None:
        return ""
    least, most = (str(doors.say_quantity(end, one.unit)) for end in (one.minimum, one.maximum))
    return least if least == most else str(_("de %(least)s à %(most)s", least=least, most=most))


def _page(
    connection_id: UUID,
    *,
    word: str = "",
    products: Sequence[Product] | None = None,
    failed: str = "",
    guess: Guess | None = None,
    unknown: bool = False,
    errors: dict[str, str] | None = None,
) -> str:
    kept = connection_calls.held(connection_id)
    try:
        there: object = connection_calls.partner(connection_id)
    except connection_calls.Unanswered as fault:
        there, failed = None, connection_words.result(fault.code)
    return room.page(
        "gifts/selling", held=kept, word=word, products=None if products is None else products[:MOST],
        many=len(products or ()), most=MOST, failed=failed, guess=guess, unknown=unknown, errors=errors or {},
        price=price, sells=isinstance(there, HasCatalogue), identifies=isinstance(there, Identifies),
    )  # fmt: skip
