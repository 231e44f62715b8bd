"""The partner's pages on the books: what each gift paid for, and proofs it can check alone. Never a name."""

from __future__ import annotations

import json
from uuid import UUID

from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.seal.note import LogKey
from voucher_service.ledger.seal.ring import changes
from voucher_service.partners.models import EarmarkKind
from voucher_service.reconciliation.books import draw_down, proofs
from voucher_service.reconciliation.explain import ORDER_WORDS
from voucher_service.staff.lists import branch_names
from voucher_service.vouchers.models import Voucher, VoucherState
from voucher_service.web import doors
from voucher_service.web.partner.views import READERS, frame, partner_of

blueprint = Blueprint("partner_books", __name__, url_prefix="/partner/<uuid:partner_id>")
blueprint.context_processor(frame)


class Asked(BaseModel):
    """Which part of a proof, and which earlier checkpoint the books must begin with."""

    after: int = Field(default=-1, ge=-1, lt=2**62)
    old: int | None = Field(default=None, ge=1, lt=2**62)


class Sought(BaseModel):
    """Our reference of a top-up, or the serial of its code."""

    reference: str = Field(default="", max_length=80)


class Older(BaseModel):
    """Which part of the list of checkpoints."""

    before: int | None = Field(default=None, ge=1, lt=2**62)


def state_words() -> dict[str, str]:
    """Return the word for each state of a voucher, as a partner reads it."""
    return {
        VoucherState.ISSUED.value: _("à utiliser"),
        VoucherState.REDEEMED.value: _("utilisés"),
        VoucherState.CANCELLED.value: _("annulés"),
        VoucherState.REPLACED.value: _("remplacés"),
        VoucherState.EXPIRED.value: _("expirés"),
    }


def order_words() -> dict[str, str]:
    """Return the word for each state of a top-up."""
    return {state: _(words) for state, words in ORDER_WORDS.items()}


def _key() -> LogKey:
    return doors.services().log_signer().key


@blueprint.get("/gifts/<int:allocation_id>")
@doors.requires(*READERS)
def gift(partner_id: UUID, allocation_id: int) -> ResponseReturnValue:
    """Show what a gift paid for, and whether its earmarks were respected."""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        report = draw_down.draw_down(session, draw_down.gift_of(session, partner_id, allocation_id))
        page = doors.page_of(session, draw_down.orders_query(allocation_id), by=Order.id, parse=UUID)
        rows = draw_down.given(session, page.items)
        places = branch_names(session)
    marks = [places.get(int(value), value) if kind is EarmarkKind.BRANCH else value for kind, value in report.marks]
    return render_template(
        "partner/gift.html",
        partner=partner,
        report=report,
        rows=rows,
        page=page,
        marks=marks,
        states=state_words(),
        words=order_words(),
    )


@blueprint.get("/gifts/<int:allocation_id>/top-ups.csv")
@doors.requires(*READERS)
def top_ups(partner_id: UUID, allocation_id: int) -> ResponseReturnValue:
    """Send the list of top-ups that a gift paid for."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        body = "".join(draw_down.top_ups_csv(session, draw_down.gift_of(session, partner_id, allocation_id)))
    return _file(body, "text/csv", f"dotation-{allocation_id}-recharges.csv")


@blueprint.get("/gifts/<int:allocation_id>/proof.json")
@doors.requires(*READERS)
def gift_proof(partner_id: UUID, allocation_id: int) -> ResponseReturnValue:
    """Send the proof of a gift's movements, up to 500 at a time."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        draw_down.gift_of(session, partner_id, allocation_id)
        return _proof(session, proofs.of_gift(allocation_id), f"dotation-{allocation_id}")


@blueprint.get("/gifts/<int:allocation_id>/movements.csv")
@doors.requires(*READERS)
def gift_movements(partner_id: UUID, allocation_id: int) -> ResponseReturnValue:
    """Send every movement of a gift with its path: the whole proof as a table."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        draw_down.gift_of(session, partner_id, allocation_id)
        body = "".join(proofs.leaves_csv(session, proofs.of_gift(allocation_id)))
    return _file(body, "text/csv", f"dotation-{allocation_id}-mouvements.csv")


@blueprint.get("/giver")
@doors.requires(*READERS)
def giver(partner_id: UUID) -> ResponseReturnValue:
    """Find the gift that paid for a top-up."""
    sought = doors.read_query(Sought)
    found, fault = None, ""
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        try:
            found = draw_down.giver_of(session, partner_id, sought.reference) if sought.reference else None
        except NotFound as error:
            fault = doors.said(error)
    page = render_template(
        "partner/giver.html", partner=partner, found=found, fault=fault, reference=sought.reference,
        words=order_words(),
    )  # fmt: skip
    return page, 404 if fault else 200


@blueprint.get("/vouchers/<uuid:voucher_id>/proof.json")
@doors.requires(doors.Role.COORDINATOR, doors.Role.AUDITOR)
def voucher_proof(partner_id: UUID, voucher_id: UUID) -> ResponseReturnValue:
    """Send the proof of one voucher's movements."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        one = session.get(Voucher, voucher_id)
        if one is None:
            raise NotFound("Aucun bon de vos dotations ne porte ce numéro.")
        draw_down.gift_of(session, partner_id, one.allocation_id)
        return _proof(session, proofs.of_voucher(session, one), f"bon-{one.key_id}-{one.serial}")


@blueprint.get("/orders/<uuid:order_id>/proof.json")
@doors.requires(*READERS)
def order_proof(partner_id: UUID, order_id: UUID) -> ResponseReturnValue:
    """Send the proof of one redemption's movements, by the reference that the partner knows."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        return _proof(session, proofs.of_order(session, partner_id, order_id), f"recharge-{order_id}")


@blueprint.get("/proofs")
@doors.requires(*READERS)
def checkpoints(partner_id: UUID) -> ResponseReturnValue:
    """Show the checkpoints, the key to check them with, and what to download."""
    before = doors.read_query(Older).before
    with doors.services().database.read() as session:
        partner = partner_of(session, partner_id)
        found = proofs.checkpoints(session, before=before)
        key, changed = proofs.log_key(session, _key()), bool(changes(session))
        parts = proofs.parts(session)
    endpoint = "partner_books.checkpoints"
    older = url_for(endpoint, partner_id=partner_id, before=found[-1].size) if len(found) == 50 else ""
    newer = url_for(endpoint, partner_id=partner_id) if before else ""
    return render_template(
        "partner/proofs.html",
        partner=partner,
        checkpoints=found,
        key=key.text(),
        changed=changed,
        parts=parts,
        older_href=older,
        newer_href=newer,
    )


@blueprint.get("/checkpoints.notes")
@doors.requires(*READERS)
def history(partner_id: UUID) -> ResponseReturnValue:
    """Send every checkpoint, oldest first: a copy to keep where nobody here can reach it. Many come in parts."""
    before = doors.read_query(Older).before
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        notes = proofs.history(session, before)
    name = f"points-de-controle-avant-{before}" if before else "points-de-controle"
    return _file("\n".join([*notes, ""]), "text/plain", f"{name}.notes")


@blueprint.get("/checkpoints/<int:size>.note")
@doors.requires(*READERS)
def note(partner_id: UUID, size: int) -> ResponseReturnValue:
    """Send one checkpoint."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        found = proofs.checkpoint_of(session, size)
    return _file(found.note, "text/plain", f"point-de-controle-{size}.note")


@blueprint.get("/consistency.json")
@doors.requires(*READERS)
def consistency(partner_id: UUID) -> ResponseReturnValue:
    """Send what shows that today's books only add to those of an earlier checkpoint."""
    with doors.services().database.read() as session:
        partner_of(session, partner_id)
        return _proof(session, proofs.nothing(), "continuite")


def _proof(session: Session, which: ColumnElement[bool], name: str) -> Response:
    asked = doors.read_query(Asked)
    told = proofs.proof(session, which, key=_key(), after=asked.after, old=asked.old)
    return _file(json.dumps(told, ensure_ascii=False, indent=1), "application/json", f"preuve-{name}.json")


def _file(body: str, kind: str, name: str) -> Response:
    return Response(body, mimetype=kind, headers={"Content-Disposition": f"attachment; filename={name}"})
