"""The beneficiary's pages: public, without a name, without JavaScript, and light."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import NotFound
from voucher_service.fulfilment.decide import UNDONE
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ids import local_day
from voucher_service.partners.models import Offer
from voucher_service.staff.models import Branch
from voucher_service.units import Unit
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.present import refusal_of
from voucher_service.vouchers import qr
from voucher_service.vouchers.links import open_link
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors
from voucher_service.web.house import speak_to_person

blueprint = Blueprint("beneficiary", __name__)
blueprint.before_request(speak_to_person)

# Only wrong addresses count: a whole shelter may share one network, and each right page must open.
WRONG_LINKS = doors.Rule("wrong-link", tries=20, seconds=900)


@blueprint.get("/mon-bon/<token>")
@doors.public
def voucher_page(token: str) -> ResponseReturnValue:
    """Show a voucher to the person who holds it, or what became of it."""
    services = doors.services()
    voucher_id = open_link(services.vault, token)
    if voucher_id is None:
        doors.throttle().spend(WRONG_LINKS, doors.address())
        raise NotFound(_("Ce lien n’est pas complet : ouvrez-le depuis le message reçu, ou demandez-le à l’antenne."))
    with services.database.read() as session:
        voucher = session.get(Voucher, voucher_id)
        if voucher is None:
            raise NotFound(_("Ce bon n’existe plus : demandez à l’antenne."))
        page = _page(session, voucher)
    return _kept_private(page)


@blueprint.get("/v/<digits>")
@blueprint.get("/V/<digits>")
@doors.public
def scanned(digits: str) -> ResponseReturnValue:  # noqa: ARG001  # the same page for every code: it says no state
    """Say to whoever scanned a voucher with a personal phone what to do with it."""
    with doors.services().database.read() as session:
        page = render_template("beneficiary/scanned.html", branches=_branches(session, None))
    return _kept_private(page)


def _kept_private(page: str) -> ResponseReturnValue:
    response = make_response(page)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address opens the page: it goes nowhere else
    return response


def _branches(session: Session, branch_id: int | None) -> Sequence[Branch]:
    query = select(Branch).order_by(Branch.city, Branch.name)
    return session.scalars(query if branch_id is None else query.where(Branch.id == branch_id)).all()


def _page(session: Session, voucher: Voucher) -> str:
    offer = session.get_one(Offer, voucher.offer_id)
    facts = {
        "offer": offer.name_en if doors.spoken() == "en" else offer.name_fr,
        "value": doors.say_quantity(voucher.quantity, voucher.unit),
        "price": doors.say_quantity(voucher.price_cents, Unit.EUR_CENT) if voucher.price_cents else "",
        "last_day": doors.say_day(voucher.last_day, "long"),
    }
    refusal = refusal_of(voucher, local_day(doors.now()))
    if refusal is None:
        printed = doors.services().ring.printed(session, voucher)
        picture = qr.svg(printed.digits, qr.Medium.SCREEN, title=_("Code QR à présenter à l’antenne"))
        return render_template(
            "beneficiary/voucher.html",
            picture=Markup(picture),  # noqa: S704  # drawn by us from digits
            typed=printed.typed,
            was_given_back=_was_given_back(session, voucher),
            branches=_branches(session, voucher.branch_id),
            **facts,
        )
    place = voucher.redeemed_branch_id if refusal is Outcome.USED else voucher.branch_id
    return render_template(
        "beneficiary/after.html", said=_after(session, voucher, refusal), branches=_branches(session, place), **facts
    )


def _was_given_back(session: Session, voucher: Voucher) -> bool:
    refused = select(Order.id).where(
        Order.voucher_id == voucher.id,
        Order.state == OrderState.GIVEN_BACK.value,
        Order.outcome_code.is_distinct_from(UNDONE),
    )
    return session.scalar(refused.limit(1)) is not None


def _after(session: Session, voucher: Voucher, refusal: Outcome) -> dict[str, str]:
    if refusal is Outcome.USED:
        # A voucher given back may have an order of before; the last one is that of this use.
        order = session.scalar(
            select(Order)
            .where(Order.voucher_id == voucher.id, Order.state != OrderState.GIVEN_BACK.value)
            .order_by(Order.created_at.desc())
            .limit(1)
        )
        progress = Progress.UNDER_WAY if order is None else status_words(order).word
        return (_used_words() | _article_words())[progress]
    return _ended_words()[refusal]


def _used_words() -> dict[Progress, dict[str, str]]:
    return {
        Progress.UNDER_WAY: {
            "tone": "wait",
            "title": _("Votre recharge est en route"),
            "text": _("Elle arrive parfois en quelques minutes, parfois en quelques heures. Vous n’avez rien à faire."),
        },
        Progress.CONFIRMED: {
            "tone": "ok",
            "title": _("Votre recharge est arrivée"),
            "text": _("Si votre téléphone ne la montre pas, demandez à l’antenne : elle vérifie avec l’opérateur."),
        },
        Progress.CODE_READY: {
            "tone": "ok",
            "title": _("Votre code de recharge est prêt"),
            "text": _("Demandez-le à l’antenne : on vous le montre sur place."),
        },
        Progress.GIVEN_BACK: {
            "tone": "check",
            "title": _("Votre bon vous est rendu"),
            "text": _("L’opérateur n’a pas fait la recharge. Revenez à l’antenne avec ce bon."),
        },
        Progress.UNDONE: {
            "tone": "check",
            "title": _("Votre bon vous est rendu"),
            "text": _("L’antenne a annulé ce passage avant la recharge. Revenez-y avec ce bon."),
        },
        Progress.TO_CHECK: {
            "tone": "check",
            "title": _("Votre recharge est en cours de vérification"),
            "text": _("Votre bon et sa valeur sont gardés. Demandez des nouvelles à l’antenne."),
        },
        Progress.CLOSED: {
            "tone": "check",
            "title": _("Cette recharge n’a pas pu être faite"),
            "text": _("Venez à l’antenne : on peut vous donner un nouveau bon."),
        },
    }


def _article_words() -> dict[Progress, dict[str, str]]:
    return {
        Progress.ARTICLE_READY: {
            "tone": "ok",
            "title": _("C’est prêt pour vous"),
            "text": _("Demandez à l’antenne : on vous le remet sur place."),
        },
        Progress.HANDED_OVER: {
            "tone": "ok",
            "title": _("L’antenne vous l’a remis"),
            "text": _("En cas de souci, revenez la voir."),
        },
        Progress.OUT_OF_STOCK: {
            "tone": "check",
            "title": _("Il n’y en a plus pour l’instant"),
            "text": _("Votre bon et sa valeur sont gardés. Demandez des nouvelles à l’antenne."),
        },
    }


def _ended_words() -> dict[Outcome, dict[str, str]]:
    return {
        Outcome.EXPIRED: {
            "tone": "check",
            "title": _("Ce bon n’est plus valable"),
            "text": _("Sa date est passée. Venez à l’antenne : on peut vous en donner un nouveau."),
        },
        Outcome.CANCELLED: {
            "tone": "check",
            "title": _("Ce bon a été annulé"),
            "text": _("Demandez à l’antenne pourquoi, et s’il y en a un autre pour vous."),
        },
        Outcome.REPLACED: {
            "tone": "check",
            "title": _("Un nouveau bon remplace celui-ci"),
            "text": _("Présentez le nouveau. Si vous ne l’avez pas, demandez-le à l’antenne."),
        },
    }
