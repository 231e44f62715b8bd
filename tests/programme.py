"""A small programme for tests, ready to issue from: rows written directly, the books through the ledger."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from integrations.sandbox import SandboxPartner
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment.deliver import sweep
from voucher_service.ids import new_id
from voucher_service.ledger import audit, post
from voucher_service.ledger.models import AccountKind, BookKind, Reason
from voucher_service.partners.models import (
    Agreement,
    Allocation,
    AllocationState,
    Campaign,
    CampaignOffer,
    CampaignPolicy,
    DrawDown,
    Offer,
    OfferTerms,
    Partner,
    Route,
)
from voucher_service.people.models import Person
from voucher_service.staff.models import Branch, Role, Staff
from voucher_service.units import Unit
from voucher_service.visits.redeem import Recorded, ScanRequest, redeem
from voucher_service.vouchers.issue import Wanted, issue_one
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher

NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
"""The instant tests start at: a Wednesday, noon in Paris."""

FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2030, 12, 31)
MASTER = bytes(range(32))


@dataclass(slots=True)
class Programme:
    """One partner, one gift of 1,000 euros, two offers of 5 euros (by number, by code), two branches."""

    database: Database
    vault: Vault
    ring: KeyRing
    partner_id: UUID
    allocation_id: int
    campaign_id: UUID
    top_up_id: UUID
    code_id: UUID
    branches: list[Branch]
    staff: list[Staff]
    now: datetime = NOON
    serial: int = field(default=0)

    @classmethod
    def make(cls, url: str, *, gift: int = 100_000) -> Programme:
        """Build the programme in the migrated, empty database at `url`; the gift is in cents."""
        database = Database(url)
        vault = Vault(MASTER)
        ring = KeyRing(vault, 1)
        with database.begin() as session:
            branches = [_branch(session, 1, "Antenne Nord", "Lille"), _branch(session, 2, "Antenne Sud", "Marseille")]
            partner = Partner(id=new_id(), name="Opérateur Un", created_at=NOON)
            session.add(partner)
            session.flush()
            staff = [_staff(session, role, partner.id) for role in Role]
            allocation_id = add_gift(session, partner.id, gift)
            top_up = _offer(session, partner.id, 10, Route.SANDBOX)
            code = _offer(session, partner.id, 11, Route.CODE_STOCK)
            campaign_id = _campaign(session, [top_up, code])
            ring.add_key(session, NOON)
        return cls(database, vault, ring, partner.id, allocation_id, campaign_id, top_up, code, branches, staff)

    def member(self, role: Role) -> Staff:
        """The member of staff with this role."""
        return next(one for one in self.staff if one.role == role.value)

    def issue(self, *, offer_id: UUID | None = None, person_id: UUID | None = None) -> Voucher:
        """Issue one voucher (by default a top-up, to bearer)."""
        wanted = Wanted(
            campaign_id=self.campaign_id, offer_id=offer_id or self.top_up_id, actor="staff:test", person_id=person_id
        )
        return self.database.run(issue_one, self.ring, new_id(), wanted, now=self.now)

    def digits(self, voucher: Voucher) -> str:
        """What the voucher's QR code says."""
        with self.database.read() as session:
            return self.ring.printed(session, voucher).digits

    def typed(self, voucher: Voucher) -> str:
        """The voucher's 16 digits."""
        with self.database.read() as session:
            return self.ring.printed(session, voucher).typed

    def request(self, code: str, **changes: object) -> ScanRequest:
        """A scan of `code` at the first branch by the counter, with a number; `changes` replace fields."""
        fields: dict[str, object] = {
            "scan_id": new_id(),
            "code": code,
            "branch_id": self.branches[0].id,
            "till_book_id": self.branches[0].till_book_id,
            "staff_id": self.member(Role.COUNTER).id,
            "scanned_at": self.now,
            "number": "+33639981234",  # a number of fiction; the sandbox delivers to it at once
        }
        return ScanRequest(**(fields | changes))  # type: ignore[arg-type]  # the names are the dataclass's

    def scan(self, code: str, **changes: object) -> Recorded:
        """Redeem `code`, as `request` says."""
        return self.database.run(redeem, self.vault, self.ring, self.request(code, **changes), now=self.now)

    def deliver(self) -> int:
        """Deliver what is due through the sandbox; return how many orders were worked on."""
        with tempfile.TemporaryDirectory() as folder:
            partner = SandboxPartner(Path(folder) / "partner.db", clock=lambda: self.now)
            return sweep(self.database, {"sandbox": partner}, self.vault, lambda: self.now)

    def person(self) -> UUID:
        """Register someone of whom nothing is known."""
        person_id = new_id()
        with self.database.begin() as session:
            session.add(Person(id=person_id, reference=str(person_id)[-12:], created_at=self.now))
        return person_id

    def findings(self) -> list[audit.Finding]:
        """What the independent audit finds wrong."""
        with self.database.read() as session:
            return list(audit.audit(session))

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)


def add_gift(
    session: Session,
    partner_id: UUID,
    quantity: int,
    *,
    unit: Unit = Unit.EUR_CENT,
    valid_until: date = LAST_DAY,
) -> int:
    """Add an agreement and an open allocation of `quantity`, received in the books; return its number."""
    agreement = Agreement(
        id=new_id(),
        partner_id=partner_id,
        reference=f"A-{new_id().hex[-6:]}",
        signed_on=FIRST_DAY,
        valid_from=FIRST_DAY,
        valid_until=LAST_DAY,
    )
    session.add(agreement)
    session.flush()
    book = post.open_book(session, kind=BookKind.ALLOCATION, unit=unit, now=NOON)
    session.add(
        Allocation(
            id=book,
            agreement_id=agreement.id,
            label="Don d’hiver",
            unit=unit.value,
            quantity=quantity,
            valid_from=FIRST_DAY,
            valid_until=valid_until,
            priority=100,
            state=AllocationState.OPEN.value,
            needs_second_person=0,
            created_by="staff:test",
            created_at=NOON,
        )
    )
    session.flush()
    entry = post.Entry(
        key=f"receive:{book}",
        book_id=book,
        source=AccountKind.DONOR,
        destination=AccountKind.AVAILABLE,
        unit=unit,
        quantity=quantity,
        reason=Reason.RECEIVED,
        object_kind="allocation",
        object_id=str(book),
    )
    post.post(session, [entry], actor="staff:test", occurred_at=NOON, now=NOON)
    return book


def _branch(session: Session, number: int, name: str, city: str) -> Branch:
    till = post.open_book(session, kind=BookKind.TILL, unit=Unit.EUR_CENT, now=NOON)
    branch = Branch(id=number, name=name, city=city, address="1 rue de la Gare", hours="9 h – 17 h", till_book_id=till)
    session.add(branch)
    session.flush()
    return branch


def _staff(session: Session, role: Role, partner_id: UUID) -> Staff:
    member = Staff(
        id=new_id(),
        login=f"{role.value}@example.org",
        name=f"Camille {role.value}",
        role=role.value,
        password_hash="not a hash: nobody signs in with it",
        partner_id=partner_id if role is Role.PARTNER else None,
        active=True,
        session_version=1,
        created_at=NOON,
    )
    session.add(member)
    session.flush()
    return member


def _offer(session: Session, partner_id: UUID, code: int, route: Route) -> UUID:
    offer = Offer(
        id=new_id(),
        code=code,
        partner_id=partner_id,
        name_fr=f"Recharge 5 € ({route.value})",
        name_en=f"Top-up €5 ({route.value})",
        unit=Unit.EUR_CENT.value,
        route=route.value,
        product_code="TOPUP5",
    )
    session.add(offer)
    session.flush()
    session.add(
        OfferTerms(
            offer_id=offer.id,
            effective_from=FIRST_DAY,
            quantity=500,
            face_value_cents=500,
            price_cents=200,
            validity_days=90,
        )
    )
    return offer.id


def _campaign(session: Session, offers: list[UUID]) -> UUID:
    campaign = Campaign(id=new_id(), name="Hiver connecté", starts_on=FIRST_DAY, ends_on=LAST_DAY, paused=False)
    session.add(campaign)
    session.flush()
    session.add_all(CampaignOffer(campaign_id=campaign.id, offer_id=offer) for offer in offers)
    session.add(
        CampaignPolicy(
            campaign_id=campaign.id,
            effective_from=FIRST_DAY,
            cap_cents=3000,
            cap_days=30,
            cycle_months=6,
            renewals=1,
            draw_down=DrawDown.EXPIRING_FIRST.value,
            next_visit_days=30,
            questions=[],
        )
    )
    return campaign.id
