"""SIM cards, handsets and seats: what lies at each branch, and the story of each one."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from admin import room
from admin.stock import words as say
from voucher_service.errors import BadInput, NotFound
from voucher_service.fulfilment.articles import lists
from voucher_service.fulfilment.articles.hand_over import read_serial
from voucher_service.fulfilment.articles.models import Article, ArticleKind, ArticleState
from voucher_service.fulfilment.articles.numbers import set_number
from voucher_service.fulfilment.models import Lot, Order
from voucher_service.people.phones import read_mobile
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("articles", __name__, url_prefix="/stock/articles")


class NewNumber(BaseModel):
    """What the form of a card's number sends."""

    number: str = Field(min_length=1, max_length=40)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """Show what lies at each branch, and the lots; a serial typed in leads to its article."""
    serial = read_serial(request.args.get("serial", "")[:60])
    branch_id = _number("branch_id")
    with doors.services().database.read() as session:
        article = lists.by_serial(session, serial) if serial else None
        if article is not None:
            return redirect(url_for("admin.articles.show", article_id=article.id), 303)
        shelves = lists.shelves(session, branch_id=branch_id)
        lots = lists.lots(session)
        branches = branch_names(session)
    return room.page(
        "stock/articles", shelves=shelves, lots=lots, branches=branches, branch_id=branch_id, serial=serial,
        say=say, State=ArticleState, low=lists.LOW,
    )  # fmt: skip


@blueprint.get("/list")
@room.READ
def listed() -> ResponseReturnValue:
    """List articles one by one: of a branch, a product, a state."""
    state = request.args.get("state", "")
    known = ArticleState(state) if state in {one.value for one in ArticleState} else None
    branch_id, product = _number("branch_id"), request.args.get("product", "")[:40]
    with doors.services().database.read() as session:
        query = lists.articles_query(branch_id=branch_id, product=product, state=known)
        found = doors.page_of(session, query, by=Article.id, parse=UUID)
        branches = branch_names(session)
    return room.page(
        "stock/article_list", found=found, branches=branches, branch_id=branch_id, product=product, state=state,
        say=say, states=[(one.value, say.state(one.value)[0]) for one in ArticleState],
    )  # fmt: skip


@blueprint.get("/<uuid:article_id>")
@room.READ
def show(article_id: UUID) -> ResponseReturnValue:
    """Show one article and all that happened to it."""
    with doors.services().database.read() as session:
        article = _get(session, article_id)
        journeys = lists.journeys(session, article_id)
        context = {
            "lot": session.get_one(Lot, article.lot_id),
            "journeys": journeys,
            "branches": branch_names(session),
            "order": session.get(Order, article.order_id) if article.order_id else None,
            "who": room.who(session, [one for parcel, _ in journeys for one in (parcel.sent_by, parcel.ended_by)]),
        }
    return room.page("stock/article", article=article, say=say, Kind=ArticleKind, **context)


@blueprint.get("/<uuid:article_id>/number")
@room.WRITE
def number(article_id: UUID) -> ResponseReturnValue:
    """Show the form that records a card's telephone number."""
    return _number_form(article_id).page()


@blueprint.post("/<uuid:article_id>/number")
@room.WRITE
def record_number(article_id: UUID) -> ResponseReturnValue:
    """Record a card's telephone number."""
    form = _number_form(article_id)

    def act() -> ResponseReturnValue:
        told = read_mobile(doors.read_form(NewNumber).number, field="number")
        services = doors.services()
        services.database.run(set_number, services.vault, article_id=article_id, number=told)
        return room.done(_("Le numéro de la carte est enregistré."), "admin.articles.show", article_id=article_id)

    return room.submitted(form, act)


def _number_form(article_id: UUID) -> room.Form:
    with doors.services().database.read() as session:
        article = _get(session, article_id)
    if article.kind != ArticleKind.SIM or article.number_tail:
        raise NotFound(_("Seule une carte SIM sans numéro en reçoit un."))
    return room.Form(
        title=_("Numéro de la carte %(serial)s", serial=article.serial),
        lead=_("Il est chiffré à l’arrivée. S’il a été remis à une personne, il sera effacé avec elle."),
        fields=[room.Field(name="number", label=_("Numéro de téléphone"), inputmode="tel", width="short")],
        action=url_for("admin.articles.record_number", article_id=article_id),
        submit=_("Enregistrer"),
        cancel=url_for("admin.articles.show", article_id=article_id),
    )


def _get(session: Session, article_id: UUID) -> Article:
    article = session.get(Article, article_id)
    if article is None:
        raise NotFound(_("Cet article n’existe pas."))
    return article


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(_("Choisissez une antenne de la liste."), field=name)
    return int(text) if text else None
