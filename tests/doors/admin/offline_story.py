"""A tablet in the composed application, with vouchers it accepts without a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from tests.house import services_of
from voucher_service.demo.tablet import Tablet
from voucher_service.ids import new_id, utc_now
from voucher_service.staff.models import Branch, Staff
from voucher_service.visits.offline.upload import Answer, Signed
from voucher_service.visits.questions import Forms
from voucher_service.visits.redeem import ScanRequest, redeem
from voucher_service.vouchers.issue import Wanted, issue_one
from voucher_service.vouchers.models import Voucher

NUMBER = "06 39 98 12 34"
NOTE = "cherche un logement"


class Programme(Protocol):
    """What there is to issue from."""

    @property
    def campaign_id(self) -> UUID: ...

    @property
    def offer_id(self) -> UUID: ...

    @property
    def branch_id(self) -> int: ...


@dataclass(slots=True)
class Story:
    """An enrolled tablet of the programme's branch and what it does."""

    app: Flask
    programme: Programme
    tablet: Tablet
    staff_id: UUID
    start: datetime

    @classmethod
    def begin(cls, app: Flask, programme: Programme) -> Story:
        """Enrol the tablet; the counter's own person stands at it."""
        services, start = services_of(app), utc_now() - timedelta(minutes=10)
        with services.database.read() as session:
            staff_id = session.scalars(select(Staff.id).where(Staff.login == "accueil")).one()
            other = session.scalars(select(Staff.id).where(Staff.login == "coordination")).one()
        tablet = Tablet.enrolled(
            services.database,
            services.vault,
            name="Tablette d’essai",
            branch_id=programme.branch_id,
            staff_id=other,
            actor=f"staff:{other}",
            now=start,
        )
        return cls(app, programme, tablet, staff_id, start)

    def issue(self, person_id: UUID | None = None) -> Voucher:
        """Issue a voucher of the branch."""
        services = services_of(self.app)
        wanted = Wanted(
            campaign_id=self.programme.campaign_id,
            offer_id=self.programme.offer_id,
            actor="staff:test",
            branch_id=self.programme.branch_id,
            person_id=person_id,
        )
        return services.database.run(issue_one, services.ring, new_id(), wanted, now=utc_now())

    def code(self, voucher: Voucher) -> str:
        """The digits of the voucher's code."""
        services = services_of(self.app)
        with services.database.read() as session:
            return services.ring.printed(session, voucher).digits

    def accept(self, voucher: Voucher) -> Signed:
        """Accept it without a network."""
        at = self.start + timedelta(seconds=10 * (len(self.tablet.queue) + 1))
        self.tablet.accept(voucher, self.code(voucher), number=NUMBER, at=at, note=NOTE)
        return self.tablet.queue[-1]

    def accept_new(self) -> Signed:
        """Accept one that nobody has used."""
        return self.accept(self.issue())

    def accept_used(self, voucher: Voucher | None = None) -> Signed:
        """Accept one that was used online a moment before."""
        services, used = services_of(self.app), voucher or self.issue()
        with services.database.read() as session:
            till = session.get_one(Branch, self.programme.branch_id).till_book_id
        request = ScanRequest(
            scan_id=new_id(),
            code=self.code(used),
            branch_id=self.programme.branch_id,
            till_book_id=till,
            staff_id=self.staff_id,
            scanned_at=utc_now(),
            number="+33639981234",
            paid_cents=0,
            answers={},
            note="",
            next_visit_on=None,
        )
        services.database.run(redeem, services.vault, services.ring, request, now=utc_now())
        return self.accept(used)

    def upload(self) -> list[Answer]:
        """Send what is queued."""
        services = services_of(self.app)
        return self.tablet.upload(services.database, services.vault, services.ring, Forms(), now=utc_now())
