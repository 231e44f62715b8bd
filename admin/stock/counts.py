"""Stock-takes: scan what lies there, look at what differs, and another person closes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from admin.stock import words as say
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles import closing, counts, lists
from voucher_service.fulfilment.articles.count_models import StockCount
from voucher_service.fulfilment.articles.counts import Seen
from voucher_service.fulfilment.articles.parcels import Product
from voucher_service.reconciliation.export import csv_line
from voucher_service.staff.lists import branch_names
from voucher_service.web import doors

blueprint = Blueprint("counts", __name__, url_prefix="/stock/counts")


class NewCount(BaseModel):
    """Which branch is counted."""

    branch_id: int = Field(ge=1, le=2**31 - 1)


class Scanned(BaseModel):
    """A serial that lies there."""

    serial: str = Field(default="", max_length=60)


class ByHand(BaseModel):
    """How many of a product were counted by hand."""

    partner_id: UUID
    kind: str = Field(max_length=8)
    product_code: str = Field(max_length=40)
    quantity: int = Field(ge=0, le=1_000_000)


class Why(BaseModel):
    """Why it is closed, or given up."""

    reason: str = Field(default="", max_length=200)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the stock-takes."""
    with doors.services().database.read() as session:
        found = doors.page_of(session, lists.counts_query(), by=StockCount.id, parse=UUID)
        branches = branch_names(session)
        who = room.who(session, [name for one in found.items for name in (one.opened_by, one.closed_by)])
    return room.page("stock/counts", found=found, branches=branches, who=who, say=say, key=doors.fresh_key())


@blueprint.post("/")
@room.WRITE
def create() -> ResponseReturnValue:
    """Open a stock-take of a branch."""
    branch_id, count_id = doors.read_form(NewCount).branch_id, doors.client_key()
    try:
        made = doors.services().database.run(
            counts.open_count, count_id=count_id, branch_id=branch_id, actor=room.actor(), now=doors.now()
        )
    except Conflict as error:
        return room.refused(error, "admin.counts.index")
    return room.done(_("L’inventaire est ouvert : scannez ce qui est là."), "admin.counts.show", count_id=made.id)


@blueprint.get("/<uuid:count_id>")
@room.READ
def show(count_id: UUID) -> ResponseReturnValue:
    """Show the stock-take: where to scan, what is expected, what differs."""
    return _page(count_id, {})


@blueprint.post("/<uuid:count_id>/seen")
@room.WRITE
def see(count_id: UUID) -> ResponseReturnValue:
    """Note a serial that lies there."""
    serial = doors.read_form(Scanned).serial

    def act() -> object:
        seen = doors.services().database.run(
            counts.see, count_id=count_id, serial=serial, actor=room.actor(), now=doors.now()
        )
        told = {
            Seen.EXPECTED: _("%(serial)s : attendu, vu.", serial=serial),
            Seen.AGAIN: _("%(serial)s était déjà vu.", serial=serial),
            Seen.UNEXPECTED: _("%(serial)s n’était pas attendu ici : il est noté à part.", serial=serial),
            Seen.UNKNOWN: _("%(serial)s n’est connu d’aucun lot : il est noté à part.", serial=serial),
        }
        flash(told[seen], "ok" if seen in {Seen.EXPECTED, Seen.AGAIN} else "check")
        return ""

    return _done(count_id, act)


@blueprint.post("/<uuid:count_id>/by-hand")
@room.WRITE
def see_all(count_id: UUID) -> ResponseReturnValue:
    """Note that a product was counted by hand and is complete."""

    def act() -> object:
        sent = doors.read_form(ByHand)
        product = Product(partner_id=sent.partner_id, kind=sent.kind, product_code=sent.product_code)
        what = {"count_id": count_id, "product": product, "quantity": sent.quantity}
        doors.services().database.run(counts.see_all, actor=room.actor(), now=doors.now(), **what)  # type: ignore[arg-type]  # its own names
        return _("%(product)s : tout y est.", product=sent.product_code)

    return _done(count_id, act)


@blueprint.post("/<uuid:count_id>/forget")
@room.WRITE
def forget(count_id: UUID) -> ResponseReturnValue:
    """Take back a serial scanned by mistake."""
    serial = doors.read_form(Scanned).serial

    def act() -> object:
        doors.services().database.run(counts.forget, count_id=count_id, serial=serial)
        return _("%(serial)s n’est plus compté comme vu.", serial=serial)

    return _done(count_id, act)


@blueprint.post("/<uuid:count_id>/<word>")
@room.WRITE
def step(count_id: UUID, word: str) -> ResponseReturnValue:
    """Finish the counting ("submit"), go on with it ("reopen"), close it ("close") or give it up ("drop")."""
    run, me, now = doors.services().database.run, room.actor(), doors.now()

    def act() -> object:
        reason = doors.read_form(Why).reason
        if word == "submit":
            run(counts.submit, count_id=count_id, actor=me, now=now)
            return _("Le comptage est terminé : une autre personne regarde les écarts et clôt.")
        if word == "reopen":
            run(counts.reopen, count_id=count_id)
            return _("Le comptage reprend.")
        if word == "close":
            run(closing.close, count_id=count_id, reason=reason, actor=me, now=now)
            return _("L’inventaire est clos, les écarts sont écrits.")
        if word == "drop":
            run(counts.drop, count_id=count_id, reason=reason, actor=me, now=now)
            return _("L’inventaire est abandonné : rien n’est écrit.")
        raise NotFound(_("Cette page n’existe pas."))

    return _done(count_id, act, prefix=f"{word}-")


def _done(count_id: UUID, act: Callable[[], object], *, prefix: str = "") -> ResponseReturnValue:
    try:
        told = act()
    except BadInput as error:
        return _page(count_id, {prefix + name: text for name, text in doors.faults_of(error).items()}), 422
    except Conflict as error:
        return room.refused(error, "admin.counts.show", count_id=count_id)
    if told:
        flash(str(told), "ok")
    return redirect(url_for("admin.counts.show", count_id=count_id), 303)


@blueprint.get("/<uuid:count_id>/sheet")
@room.READ
def sheet(count_id: UUID) -> ResponseReturnValue:
    """Show the sheet to print and tick, without what was seen."""
    with doors.services().database.read() as session:
        count = counts.get(session, count_id)
        lines = lists.expected_articles(session, count_id)
        branches = branch_names(session)
    return room.page("stock/count_sheet", count=count, lines=lines, branches=branches, say=say)


@blueprint.get("/<uuid:count_id>/differences.csv")
@room.READ
def differences(count_id: UUID) -> ResponseReturnValue:
    """Send what differs as a file."""
    with doors.services().database.read() as session:
        count = counts.get(session, count_id)
        found = closing.differences(session, count)
        strays = closing.strays(session, count_id)
    body = "\ufeff" + csv_line(["serie", "article", "produit", "ecart", "modele"])
    body += "".join(
        csv_line([one.article.serial, one.article.kind, one.article.product_code, one.finding.value, one.article.model])
        for one in found
    )
    body += "".join(csv_line([one.serial, "", "", "unknown", ""]) for one in strays)
    name = f"inventaire-{count.opened_at:%Y-%m-%d}.csv"
    return Response(body, mimetype="text/csv", headers={"Content-Disposition": f"attachment; filename={name}"})


def _page(count_id: UUID, faults: dict[str, str]) -> str:
    with doors.services().database.read() as session:
        count = counts.get(session, count_id)
        context: dict[str, Any] = {
            "differences": closing.differences(session, count),
            "strays": closing.strays(session, count_id),
            "products": lists.counted(session, count_id),
            "branches": branch_names(session),
            "who": room.who(session, [count.opened_by, count.submitted_by, count.closed_by]),
        }
    typed = request.form.get("reason", "")
    return room.page("stock/count", count=count, errors=faults, me=room.actor(), say=say, typed=typed, **context)
