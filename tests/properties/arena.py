"""The service under test: one database for many examples, with gifts and a campaign of its own for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from integrations.code_stock import CodeStock
from integrations.sandbox import SandboxPartner, SandboxTimes
from tests.programme import FIRST_DAY, LAST_DAY, NOON, Programme, add_gift
from tests.properties.model import CAP_CENTS, CAP_DAYS, OFFERS
from voucher_service.errors import BadInput, ServiceError
from voucher_service.fulfilment.deliver import deliver_next
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.providers import Provider
from voucher_service.fulfilment.stock import Revealed, reveal
from voucher_service.ids import new_id
from voucher_service.partners import endings
from voucher_service.partners.models import (
    Campaign,
    CampaignOffer,
    CampaignPolicy,
    DrawDown,
    Offer,
    OfferTerms,
    Partner,
    Route,
)
from voucher_service.units import Unit
from voucher_service.visits.redeem import Recorded, ScanRequest, redeem
from voucher_service.vouchers import issue, life
from voucher_service.vouchers.models import Batch, BatchState, Voucher

GIFTS = (
    ("eur_cent", NOON.date() + timedelta(days=40), 2200),
    ("eur_cent", LAST_DAY, 1500),
    ("megabyte", LAST_DAY, 3500),
)
"""The gifts of every example: unit, last day, quantity."""

STAFF = "staff:test"
AT_ONCE = SandboxTimes(short=timedelta())


@dataclass
class Scene:
    """What belongs to one example."""

    partner_id: UUID
    partner_name: str
    campaign_id: UUID
    offers: dict[str, UUID]
    gifts: list[int]
    first_id: UUID
    """Every row of this example has a later id."""


def answer_of(work: Callable[[], Any]) -> Any:
    """What `work` returns, or the stable code of its refusal."""
    try:
        return work()
    except BadInput as refusal:
        return refusal.code if refusal.code != "bad_input" else f"bad_input:{refusal.field}"
    except ServiceError as refusal:
        return refusal.code


@dataclass
class Arena:
    """A programme whose database, staff and keys are shared by all examples."""

    programme: Programme
    partner: SandboxPartner
    scene: Scene = field(init=False)
    now: datetime = NOON
    _numbers: ClassVar[itertools.count[int]] = itertools.count(100)

    @classmethod
    def at(cls, url: str, folder: Path) -> Arena:
        """An arena in the migrated, empty database at `url`."""
        partner = SandboxPartner(folder / "partner.db", times=AT_ONCE, clock=lambda: made.now)  # in the same time
        made = cls(Programme.make(url), partner)
        return made

    def begin(self) -> None:
        """Set the scene of a new example."""
        self.now = NOON
        number = next(self._numbers)
        first_id = new_id()
        with self.programme.database.begin() as session:
            session.execute(text("DELETE FROM route_pause"))  # it would reach into this example: time starts again
            partner = Partner(id=new_id(), name=f"Opérateur {number}", created_at=NOON)
            campaign = Campaign(
                id=new_id(), name=f"Campagne {number}", starts_on=FIRST_DAY, ends_on=LAST_DAY, paused=False
            )
            session.add_all([partner, campaign])
            session.flush()
            gifts = [add_gift(session, partner.id, gift, unit=Unit(unit), valid_until=day) for unit, day, gift in GIFTS]
            session.add(_policy(campaign.id))
            offers = {}
            for index, name in enumerate(OFFERS):
                offer = _offer(partner.id, number * 3 + index, name)
                session.add(offer)
                session.flush()
                session.add_all([_terms(offer.id, name), CampaignOffer(campaign_id=campaign.id, offer_id=offer.id)])
                offers[name] = offer.id
        self.scene = Scene(partner.id, partner.name, campaign.id, offers, gifts, first_id)

    def end(self) -> None:
        """Leave nothing due behind: the next example starts at the same instant again."""
        with self.programme.database.begin() as session:
            session.execute(text("UPDATE top_up_order SET due_at = NULL WHERE due_at IS NOT NULL"))

    def wanted(self, offer: str, person_id: UUID | None) -> issue.Wanted:
        """A request to issue."""
        return issue.Wanted(
            campaign_id=self.scene.campaign_id, offer_id=self.scene.offers[offer], actor=STAFF, person_id=person_id
        )

    def issue(self, voucher_id: UUID, wanted: issue.Wanted) -> Voucher:
        """Issue one."""
        p = self.programme
        return p.database.run(issue.issue_one, p.ring, voucher_id, wanted, now=self.now)

    def new_batch(self, offer: str, quantity: int) -> UUID:
        """A batch ready to be issued."""
        batch = Batch(
            id=new_id(),
            label="Lot",
            campaign_id=self.scene.campaign_id,
            offer_id=self.scene.offers[offer],
            quantity=quantity,
            state=BatchState.READY.value,
            needs_second_person=0,
            created_by=STAFF,
            created_at=self.now,
        )
        with self.programme.database.begin() as session:
            session.add(batch)
        return batch.id

    def issue_batch(self, batch_id: UUID) -> int:
        """Issue what is missing of a batch."""
        return issue.issue_batch(self.programme.database, self.programme.ring, batch_id, clock=lambda: self.now)

    def request(self, code: str, branch: int, **changes: object) -> ScanRequest:
        """A scan at one of the branches, by one of the staff."""
        place = self.programme.branches[branch]
        member = self.programme.staff[branch]
        return self.programme.request(
            code,
            branch_id=place.id,
            till_book_id=place.till_book_id,
            staff_id=member.id,
            scanned_at=self.now,
            **changes,
        )

    def scan(self, request: ScanRequest) -> Recorded:
        """Redeem."""
        p = self.programme
        return p.database.run(redeem, p.vault, p.ring, request, now=self.now)

    def cancel(self, voucher_id: UUID) -> None:
        """Cancel."""
        self.programme.database.run(life.cancel, voucher_id, actor=STAFF, reason="perdu", now=self.now)

    def reissue(self, voucher_id: UUID, new_voucher_id: UUID) -> Voucher:
        """Reissue."""
        p = self.programme
        return p.database.run(
            life.reissue, p.ring, voucher_id, new_voucher_id, actor=STAFF, reason="abîmé", now=self.now
        )

    def expire(self) -> int:
        """Expire all that is due, in portions of three; return how many."""
        total = 0
        while done := self.programme.database.run(life.expire_due, now=self.now, limit=3):
            total += done
        return total

    def work(self, order_id: UUID) -> None:
        """Let a worker come to an order."""
        p = self.programme
        providers: dict[str, Provider] = {"sandbox": self.partner, "code_stock": CodeStock()}
        deliver_next(p.database, providers, p.vault, lambda: self.now, order_id=order_id)

    def reveal(self, order_id: UUID, reason: str) -> Revealed:
        """Show a code."""
        p = self.programme
        return p.database.run(reveal, p.vault, order_id=order_id, actor=STAFF, reason=reason, now=self.now)

    def import_lot(self, content: bytes) -> int:
        """Import a lot of codes; return its number."""
        imported = import_lot(
            self.programme.database,
            self.programme.vault,
            partner_id=self.scene.partner_id,
            file_name="lot.csv",
            content=content,
            actor=STAFF,
            now=self.now,
        )
        return imported.lot_id

    def return_to_donor(self, gift: int, quantity: int, key: str) -> UUID:
        """Give back to the partner."""
        return self.programme.database.run(
            endings.return_to_donor, gift, quantity, actor=STAFF, reason="fin", key=key, now=self.now
        )


def lot_file(partner: str, count: int) -> bytes:
    """A lot file of `count` new codes for the offer by code."""
    kind = f"CODE5;500;{LAST_DAY.isoformat()}"
    rows = [f"{_serial(next(_SERIALS))};PIN-{number:04d};{kind}" for number in range(count)]
    head = ["version;1", f"partner;{partner}", f"type;{kind};{count}", "serial;pin;product;face_value_cents;sell_by"]
    return "\n".join([*head, *rows, ""]).encode()


_SERIALS = itertools.count(1)


def _serial(number: int) -> str:
    digits = f"{number:011d}"
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def _policy(campaign_id: UUID) -> CampaignPolicy:
    return CampaignPolicy(
        campaign_id=campaign_id,
        effective_from=FIRST_DAY,
        cap_cents=CAP_CENTS,
        cap_days=CAP_DAYS,
        cycle_months=120,
        renewals=1,
        draw_down=DrawDown.EXPIRING_FIRST.value,
        next_visit_days=30,
        questions=[],
    )


def _offer(partner_id: UUID, code: int, name: str) -> Offer:
    by_code = OFFERS[name].by_code
    return Offer(
        id=new_id(),
        code=code,
        partner_id=partner_id,
        name_fr=name,
        name_en=name,
        unit=OFFERS[name].unit,
        route=(Route.CODE_STOCK if by_code else Route.SANDBOX).value,
        product_code="CODE5" if by_code else f"TOPUP-{name}",
    )


def _terms(offer_id: UUID, name: str) -> OfferTerms:
    terms = OFFERS[name]
    return OfferTerms(
        offer_id=offer_id,
        effective_from=FIRST_DAY,
        quantity=terms.quantity,
        face_value_cents=terms.face_cents,
        price_cents=terms.price_cents,
        validity_days=terms.days,
    )
