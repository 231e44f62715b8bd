"""What the start-up card shows of a demonstration: sign-ins that work, and a voucher that can be presented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.demo.staff import ACCOUNTS, PASSWORD
from voucher_service.ids import local_day
from voucher_service.partners.models import Offer, Route
from voucher_service.services import Services
from voucher_service.staff.accounts import authenticate
from voucher_service.staff.models import Branch
from voucher_service.vouchers.key_ring import Printed
from voucher_service.vouchers.links import link_token
from voucher_service.vouchers.models import Voucher, VoucherState


@dataclass(frozen=True, slots=True)
class Shown:
    """A live voucher: its codes, its offer, the branch it was made for, its last day and its page's token."""

    printed: Printed
    offer: str
    branch: str
    last_day: str
    token: str


def is_demonstration(session: Session) -> bool:
    """Say whether the accounts are those of the demonstration: its password opens the first of them."""
    return authenticate(session, ACCOUNTS[0].login, PASSWORD) is not None


def live_voucher(session: Session, services: Services, now: datetime) -> Shown | None:
    """Return a voucher to try first: a top-up by number, for the branch of the counter's account if possible."""
    found = session.execute(
        select(Voucher, Offer.name_fr, Branch.name)
        .join(Offer, Offer.id == Voucher.offer_id)
        .join(Branch, Branch.id == Voucher.branch_id)
        .where(
            Voucher.state == VoucherState.ISSUED.value,
            Voucher.last_day > local_day(now),
            Offer.route == Route.SANDBOX.value,
        )
        .order_by(Branch.city.in_(_cities()).desc(), Voucher.last_day.desc(), Voucher.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    voucher, offer, branch = found
    return Shown(
        printed=services.ring.printed(session, voucher),
        offer=offer,
        branch=branch,
        last_day=f"{voucher.last_day:%d/%m/%Y}",
        token=link_token(services.vault, voucher.id),
    )


def _cities() -> tuple[str, ...]:
    return next(account.cities for account in ACCOUNTS if account.login == "accueil")
