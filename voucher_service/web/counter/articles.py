"""Handing over what lies at the branch: SIM cards, handsets, seats. One page, with or without JavaScript."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles import hand_over
from voucher_service.fulfilment.articles.hand_over import TAIL, Handed, for_order
from voucher_service.fulfilment.articles.models import Article, ArticleKind
from voucher_service.people.phones import read_mobile
from voucher_service.web import doors
from voucher_service.web.counter import bodies
from voucher_service.web.counter.api import own_order
from voucher_service.web.counter.desk_state import STAFF
from voucher_service.web.counter.pages import frame
from voucher_service.web.counter.words import day, order_words

blueprint = Blueprint("counter_articles", __name__, url_prefix="/counter/articles")
blueprint.context_processor(frame)


@blueprint.get("/<uuid:order_id>")
@doors.requires(*STAFF)
def show(order_id: UUID) -> ResponseReturnValue:
    """Show what is set aside, and how to hand it over."""
    return _page(order_id)


@blueprint.post("/<uuid:order_id>")
@doors.requires(*STAFF)
def give(order_id: UUID) -> ResponseReturnValue:
    """Hand it over; a SIM's secrets are shown on this answer only."""
    sent = doors.read_form(bodies.HandOverIn)
    try:
        number = read_mobile(sent.number, field="number") if sent.number.strip() else ""
        handed = doors.services().database.run(_give, order_id, serial=sent.serial, number=number)
    except BadInput as error:
        return _page(order_id, errors=doors.faults_of(error), sent=sent), 422
    except Conflict as error:
        field = "number" if error.code == "number_differs" else "serial"
        return _page(order_id, errors={field: doors.said(error)}, sent=sent), 409
    return _page(order_id, handed=handed)


def _give(session: Session, /, order_id: UUID, *, serial: str, number: str) -> Handed:
    own_order(session, order_id)
    return hand_over.hand_over(
        session,
        doors.services().vault,
        order_id=order_id,
        serial=serial,
        number=number,
        actor=doors.current_staff().actor,
        now=doors.now(),
    )


@blueprint.post("/<uuid:order_id>/again")
@doors.requires(*STAFF)
def look_again(order_id: UUID) -> ResponseReturnValue:
    """Show a card's secrets once more, with a reason."""
    reason = doors.read_form(bodies.RevealIn).reason
    try:
        handed = doors.services().database.run(_look, order_id, reason=reason)
    except BadInput as error:
        return _page(order_id, errors=doors.faults_of(error)), 422
    return _page(order_id, handed=handed)


def _look(session: Session, /, order_id: UUID, *, reason: str) -> Handed:
    own_order(session, order_id)
    vault, actor = doors.services().vault, doors.current_staff().actor
    return hand_over.look_again(session, vault, order_id=order_id, actor=actor, reason=reason, now=doors.now())


def _page(order_id: UUID, **more: Any) -> str:
    shown: dict[str, Any] = {"errors": {}, "handed": None, "sent": None, "tail": TAIL}
    with doors.services().database.read() as session:
        order = own_order(session, order_id)
        article = for_order(session, order_id)
        if article is None:
            raise NotFound(_("Rien n’est mis de côté pour ce bon : vérifiez son état dans un instant."))
        shown |= {"order": order_words(order), "article": article, "facts": facts(article)}
    return render_template("counter/article.html", **(shown | more))


def facts(article: Article) -> list[tuple[str, str]]:
    """Return what tells the article from others, in words."""
    told = [(_("Produit"), article.product_code)]
    if article.kind == ArticleKind.SEAT:
        told += [(_("Séance"), day(article.sell_by) if article.sell_by else ""), (_("Heure"), article.starts or "")]
        return [*told, (_("Lieu"), article.place or ""), (_("Place"), article.serial)]
    if article.kind == ArticleKind.HANDSET:
        told += [(_("Modèle"), article.model or ""), (_("État"), condition(article.condition or ""))]
    name = "IMEI" if article.kind == ArticleKind.HANDSET else "ICCID"
    return [*told, (name, article.serial)]


def condition(value: str) -> str:
    """Return how a handset is, in words."""
    return str({"new": _("Neuf"), "good": _("Bon état"), "worn": _("Usagé, il fonctionne")}.get(value, ""))
