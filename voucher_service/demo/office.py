"""What the coordination and the operators of the demonstration do: gifts, lots, keys, statements."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.demo.desk import Desk, has_open_orders
from voucher_service.demo.gifts import (
    EVERYONE,
    GIFTS,
    LOTS,
    THRESHOLDS,
    Catalogue,
    GiftPlan,
    LotPlan,
    earmarks,
    lot_file,
)
from voucher_service.demo.moment import Joined, at, next_open
from voucher_service.fulfilment.deliver import open_number, sweep
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import Order
from voucher_service.ids import local_day
from voucher_service.ledger.balances import available
from voucher_service.partners import endings
from voucher_service.partners.ending import sign_off
from voucher_service.partners.gifts import approve_allocation, fresh, propose_allocation
from voucher_service.partners.models import Allocation, Offer
from voucher_service.reconciliation.balances import view
from voucher_service.reconciliation.balances.declare import Said, declare
from voucher_service.reconciliation.balances.tolerance import set_tolerance
from voucher_service.reconciliation.closing import gift_end
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.reconciliation.statements import import_statement
from voucher_service.units import Unit
from voucher_service.vouchers.batches import propose_batch
from voucher_service.vouchers.issue import issue_batch
from voucher_service.vouchers.life import expire_all
from voucher_service.vouchers.models import Batch, Voucher

Event = Callable[[Joined], None]
Plan = Callable[[datetime, Event], None]

LOGINS = ("operateur", "operateur2")
"""Who works for each operator."""

_LATER = timedelta(hours=3)
LOT_DAYS = 400
"""Days a recharge code can be sold after it was received."""


class Office:
    """The second line of the programme; `staff` maps sign-ins to ids."""

    def __init__(self, desk: Desk, catalogue: Catalogue, staff: dict[str, UUID], rng: random.Random) -> None:
        """Begin with empty books."""
        self.desk = desk
        self.catalogue = catalogue
        self._staff = staff
        self._rng = rng

    def actor(self, login: str) -> str:
        """Return the name under which the acts of this sign-in are recorded."""
        return f"staff:{self._staff[login]}"

    def plan_all(self, plan: Plan, start: date, last: date) -> None:
        """Plan gifts with their approvals and endings, lots, batches and a new key."""
        for gift in GIFTS:
            day = last - timedelta(days=1) if gift.proposed < 0 else start + timedelta(days=gift.proposed)
            until = last + timedelta(days=gift.until_end)
            plan(at(day, 9.1), self._propose(plan, gift, day, until))
            if gift.until_end < 0:
                plan(at(until - timedelta(days=7), 15), self._count(gift))
                plan(at(until + timedelta(days=8), 15), self._end(gift))
        for lot in LOTS:
            day = start + timedelta(days=lot.received)
            plan(at(day, 9.2), self._import(lot, day + timedelta(days=LOT_DAYS)))
        plan(at(start + timedelta(days=1), 10), self._tolerate)
        plan(at(next_open(last - timedelta(days=18)), 11), self._hand_out)
        plan(at(last - timedelta(days=1), 9.5), self._ask_for_many)
        plan(at(start + timedelta(days=120), 8), lambda db: self._run(db, self.desk.ring.add_key, self.desk.clock.now))

    @staticmethod
    def _run(database: Joined, work: Callable[..., object], *arguments: object) -> None:
        database.run(work, *arguments)

    def _tolerate(self, database: Joined) -> None:
        """What was agreed on with the first operator: ten cents on a balance are no reason to write to each other."""
        now = self.desk.clock.now
        database.run(
            set_tolerance, partner_id=self.catalogue.partners[0], unit=Unit.EUR_CENT, each=10, most=100,
            effective_from=local_day(now) + timedelta(days=1), actor=self.actor("coordination"), today=local_day(now),
            now=now,
        )  # fmt: skip

    def _propose(self, plan: Plan, gift: GiftPlan, day: date, until: date) -> Event:
        def event(database: Joined) -> None:
            allocation = database.run(
                propose_allocation,
                agreement_id=self.catalogue.agreements[gift.partner],
                label=gift.label,
                unit=gift.unit,
                quantity=gift.quantity,
                valid_from=day,
                valid_until=until,
                priority=100,
                earmarks=earmarks(gift),
                actor=self.actor("coordination"),
                now=self.desk.clock.now,
            )
            if gift.approved and gift.quantity > THRESHOLDS[gift.unit]:
                number = allocation.id
                plan(at(day + timedelta(days=2), 10), lambda later: self._approve(later, number))

        return event

    def _approve(self, database: Joined, allocation_id: int) -> None:
        database.run(approve_allocation, allocation_id, self.actor("coordination2"), self.desk.clock.now)

    def _count(self, gift: GiftPlan) -> Event:
        """A week before a gift ends one person counts what is left, another signs."""

        def event(database: Joined) -> None:
            with database.begin() as session:
                number = self._numbers(session)[gift.label]
            for act, login in ((sign_off.count, "coordination"), (sign_off.sign, "coordination2")):
                database.run(act, number, actor=self.actor(login), now=self.desk.clock.now)

        return event

    def _end(self, gift: GiftPlan) -> Event:
        """When a gift's time is over and its last vouchers have ended, the rest goes back to the operator."""

        def event(database: Joined) -> None:
            now, actor = self.desk.clock.now, self.actor("coordination")
            with database.begin() as session:
                number = self._numbers(session)[gift.label]
                rest = available(session, number)
                if rest:
                    endings.return_to_donor(
                        session, number, rest, actor=actor, reason="Validité passée", key=f"end-{number}", now=now
                    )

        return event

    def close_gifts(self, database: Joined, now: datetime) -> None:
        """Close each gift that is over, once the statement of its last month is agreed to."""
        with database.read() as session:
            numbers = self._numbers(session)
            over = [numbers[gift.label] for gift in GIFTS if gift.until_end < 0]
            free = [one for one in over if not gift_end.holds(session, fresh(session, one), local_day(now))]
        for number in free:
            database.run(gift_end.close, number, self.actor("coordination"), now)

    @staticmethod
    def _numbers(session: Session) -> dict[str, int]:
        return {row.label: row.id for row in session.execute(select(Allocation.label, Allocation.id))}

    def _import(self, lot: LotPlan, sell_by: date) -> Event:
        def event(database: Joined) -> None:
            import_lot(
                database,
                self.desk.vault,
                partner_id=self.catalogue.partners[1],
                file_name=lot.file_name,
                content=lot_file(lot, sell_by, self._rng),
                actor=self.actor("coordination"),
                now=self.desk.clock.now,
            )

        return event

    def _batch(self, database: Joined, label: str, offer: int, branch: int | None, quantity: int) -> Batch:
        return database.run(
            propose_batch,
            batch_id=self.desk.new_id(),
            label=label,
            campaign_id=self.catalogue.campaigns[EVERYONE],
            offer_id=self.catalogue.offers[offer],
            branch_id=branch,
            quantity=quantity,
            actor=self.actor("coordination"),
            now=self.desk.clock.now,
        )

    def _hand_out(self, database: Joined) -> None:
        """Forty vouchers to bearer, printed for an evening round."""
        batch = self._batch(database, "Maraude du mercredi", 101, self.desk.branches[1].id, 40)
        issue_batch(database, self.desk.ring, batch.id, clock=self.desk.clock)

    def _ask_for_many(self, database: Joined) -> None:
        """So many that a second person must agree: she has not yet."""
        self._batch(database, "Réserve grand froid", 102, None, 600)

    def night(self, database: Joined, day: date) -> None:
        """End a day: ask about open deliveries, and at one in the morning expire what is over."""
        for hour in (18.0, 19.5, 22.0):
            self.desk.clock.now = max(self.desk.clock.now, at(day, hour))
            with database.read() as session:
                is_open = has_open_orders(session)
            if is_open:
                sweep(database, self.desk.providers, self.desk.vault, self.desk.clock)
        self.desk.clock.now = max(self.desk.clock.now, at(day + timedelta(days=1), 1))
        expire_all(database, self.desk.clock)

    def _told_of(self, session: Session, order_id: UUID) -> tuple[str, str]:
        """Return the number an order went to and the code of its product, as its operator knows them."""
        order = session.get_one(Order, order_id)
        product = session.scalars(
            select(Offer.product_code).join(Voucher, Voucher.offer_id == Offer.id).where(Voucher.id == order.voucher_id)
        ).one()
        if order.wrapped_key is None or order.number_sealed is None:
            return "", product
        return open_number(self.desk.vault, order.id, order.wrapped_key, order.number_sealed), product

    def declare(self, database: Joined, number: int, last: date, *, off: int = 0) -> None:
        """An operator says what is left of each gift at the end of `last`: what we count, but `off` on the newest."""
        partner_id = self.catalogue.partners[number]
        with database.begin() as session:
            told = [(row.gift, row.ours.closing) for row in view.rows(session, partner_id, last)]
            for gift, closing in told:
                declare(
                    session, partner_id=partner_id, allocation_id=gift, as_of=last,
                    said=Said(closing=closing + (off if gift == told[-1][0] else 0)),
                    actor=self.actor(LOGINS[number]), now=self.desk.clock.now,
                )  # fmt: skip

    def reconcile(self, database: Joined, number: int, first: date, last: date, *, with_faults: bool) -> None:
        """An operator hands in the statement of those days; `with_faults` makes it differ in five ways."""
        with database.begin() as session:
            content = make_statement_csv(session, self.catalogue.partners[number], first, last)
            if with_faults:
                content = with_five_faults(content, lambda order: self._told_of(session, order))
            statement = import_statement(
                session,
                vault=self.desk.vault,
                partner_id=self.catalogue.partners[number],
                file_name=f"releve-{first:%Y-%m}.csv",
                content=content,
                actor=self.actor(LOGINS[number]),
                now=self.desk.clock.now,
                period=(first, last),
            )
            run(session, statement.id, self.desk.clock.now)


def with_five_faults(content: bytes, told_of: Callable[[UUID], tuple[str, str]]) -> bytes:
    """Return the statement with a line doubled, one halved, one refused, and one under references that are not ours.

    Of the last one our order is missing and a line is unknown, three hours on; it names telephone and product
    (`told_of`), so both are shown as perhaps the same.

    A statement with fewer than four delivered data bundles is returned as it is.
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    names, lines = rows[0], rows[1:-1]
    status, quantity, unit = names.index("Statut"), names.index("Quantité"), names.index("Unité")
    ours, theirs = names.index("Référence client"), names.index("Identifiant transaction")
    when = names.index("Date")
    usable = [line for line in lines if line[status] == "Livré" and line[unit] == "Mo"]
    if len(usable) < 4:
        return content
    lines.remove(usable[0])
    again, foreign = list(usable[1]), list(usable[0])
    number, product = told_of(UUID(foreign[ours]))
    again[theirs] += "-B"
    foreign[ours], foreign[theirs] = "", "SBX-99999999"
    foreign[when] = str(datetime.fromisoformat(foreign[when]) + _LATER)
    usable[2][quantity] = str(int(usable[2][quantity]) // 2)
    usable[3][status] = "Refusé"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    first = names.index("Ligne")
    for count, line in enumerate([*lines, again, foreign], start=1):
        line[first] = str(count)
    rest = ([*line, "", ""] for line in (*lines, again))
    writer.writerows([[*names, "Téléphone", "Code produit"], *rest, [*foreign, number, product]])
    return text.getvalue().encode("utf-8-sig")
