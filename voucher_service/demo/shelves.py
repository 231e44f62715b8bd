"""Cards, handsets and seats of the demonstration: received, sent on, handed over, counted."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from voucher_service.demo.gifts import EVERYONE, PARTNERS, with_luhn
from voucher_service.demo.moment import Joined
from voucher_service.demo.office import Office
from voucher_service.demo.story import Story
from voucher_service.fulfilment.articles import closing, counts, parcels
from voucher_service.fulfilment.articles.hand_over import hand_over
from voucher_service.fulfilment.articles.models import Article, ArticleState
from voucher_service.fulfilment.articles.parcels import Product, Sending
from voucher_service.fulfilment.articles.samples import lot_text, session_file
from voucher_service.fulfilment.lots import import_lot
from voucher_service.ids import local_day
from voucher_service.partners.catalogue import attach_offers, create_offer
from voucher_service.partners.gifts import approve_allocation, propose_allocation
from voucher_service.partners.models import AllocationState, Route
from voucher_service.partners.policies import set_terms
from voucher_service.units import Unit
from voucher_service.vouchers.issue import Wanted

_HOME, _OTHER = 1, 0  # Lyon, where the account of the start-up card works, sends to and receives from Paris
_OFFERS = (
    (301, "Carte SIM", "SIM card", Route.SIM_STOCK, "TEL-SIM", 0),
    (302, "Téléphone d’occasion", "Second-hand handset", Route.HANDSET_STOCK, "TEL-ALPHA", 1000),
    (303, "Atelier « Mes démarches en ligne »", "Workshop: forms online", Route.SEAT_STOCK, "TEL-ATELIER", 0),
)


def fill_shelves(database: Joined, office: Office, story: Story, now: datetime) -> None:
    """Let boxes come in three hours ago, and all that may happen to them happen since."""
    shelves = _Shelves(database, office, story)
    story.desk.clock.now = now - timedelta(hours=3)
    shelves.open_offers(local_day(now))
    shelves.receive_lots(local_day(now))
    shelves.give_some()
    shelves.send_some()
    shelves.count_some()


class _Shelves:
    def __init__(self, database: Joined, office: Office, story: Story) -> None:
        self.database, self.office, self.story, self.desk = database, office, story, story.desk
        self.first, self.second = office.actor("coordination"), office.actor("coordination2")
        self.home, self.other = self.desk.branches[_HOME].id, self.desk.branches[_OTHER].id
        self.partner_id = story.catalogue.partners[1]

    def open_offers(self, today: date) -> None:
        """Three offers by the piece, and the gift that pays for them."""
        now, catalogue = self.desk.clock.now, self.story.catalogue
        for code, french, english, route, product, price in _OFFERS:
            offer = self.database.run(
                create_offer, code=code, partner_id=self.partner_id, name_fr=french, name_en=english,
                unit=Unit.PIECE, route=route, product_code=product,
            )  # fmt: skip
            self.database.run(
                set_terms, offer_id=offer.id, effective_from=today, quantity=1, face_value_cents=0,
                price_cents=price, validity_days=45, today=today,
            )  # fmt: skip
            catalogue.offers[code] = offer.id
        ids = [catalogue.offers[code] for code, *_ in _OFFERS]
        self.database.run(attach_offers, catalogue.campaigns[EVERYONE], ids)
        gift = self.database.run(
            propose_allocation, agreement_id=catalogue.agreements[1], label="Cartes, téléphones et places",
            unit=Unit.PIECE, quantity=120, valid_from=today, valid_until=today + timedelta(days=300), priority=100,
            earmarks=[], actor=self.first, now=now,
        )  # fmt: skip
        if gift.state == AllocationState.PENDING:
            self.database.run(approve_allocation, gift.id, self.second, now)

    def receive_lots(self, today: date) -> None:
        """Two boxes of cards at two branches, a box of handsets, a workshop."""
        late, soon = (today + timedelta(days=days) for days in (300, 40))
        for name, start, many, day, branch in (
            ("telea-sim-lyon.csv", 400, 14, late, self.home),
            ("telea-sim-paris.csv", 500, 4, soon, self.other),
        ):
            kind = f"TEL-SIM;0;{day.isoformat()}"
            rows = [
                f"{_iccid(start + number)};;{1000 + number};{52_310_000 + number * 7};{kind}" for number in range(many)
            ]
            self._import(name, lot_text("sim", PARTNERS[1], [f"{kind};{many}"], rows).encode(), branch)
        kind = "TEL-ALPHA;4900;"
        rows = [f"{with_luhn(f'35209900176{number:03d}')};Alpha 3;good;{kind}" for number in range(6)]
        self._import("telea-telephones.csv", lot_text("handset", PARTNERS[1], [f"{kind};6"], rows).encode(), self.home)
        seats = session_file(
            partner=PARTNERS[1], product="TEL-ATELIER", name="DEMARCHES", day=today + timedelta(days=9),
            starts="14:00", place="Salle du premier étage", seats=8,
        )  # fmt: skip
        self._import("DEMARCHES", seats, self.home)

    def _import(self, name: str, content: bytes, branch: int) -> None:
        import_lot(
            self.database, self.desk.vault, partner_id=self.partner_id, file_name=name, content=content,
            actor=self.first, now=self.desk.clock.now, branch_id=branch,
        )  # fmt: skip

    def give_some(self) -> None:
        """The account of the start-up card hands over two cards and a seat; a handset waits at the desk."""
        everyone, me = self.desk.staff[_HOME], self.office.actor("accueil")
        self.desk.staff[_HOME] = [UUID(me.removeprefix("staff:"))]
        for code, takes in ((301, True), (301, True), (303, True), (302, False)):
            person = self.story.newcomer(local_day(self.desk.clock.now), _HOME)
            self.desk.receive(self.database, person)
            wanted = Wanted(
                campaign_id=self.story.catalogue.campaigns[EVERYONE], offer_id=self.story.catalogue.offers[code],
                actor=self.first, person_id=person.id, branch_id=self.home,
            )  # fmt: skip
            voucher = self.desk.issue(self.database, wanted)
            order_id = self.desk.present(self.database, person, voucher).order_id
            assert order_id is not None, "a fresh voucher is accepted"
            if takes:
                self.database.run(
                    hand_over, self.desk.vault, order_id=order_id, serial=self._serial(order_id), number="",
                    actor=me, now=self.desk.clock.now,
                )  # fmt: skip
        self.desk.staff[_HOME] = everyone

    def _serial(self, order_id: UUID) -> str:
        with self.database.read() as session:
            return str(session.scalar(select(Article.serial).where(Article.order_id == order_id)))

    def send_some(self) -> None:
        """One transfer came with a card missing, another is on its way back."""
        product = Product(partner_id=self.partner_id, kind="sim", product_code="TEL-SIM")
        there, back = (self.home, self.other), (self.other, self.home)
        for quantity, (leaves, comes), arrives in ((4, there, True), (2, back, False)):
            self.desk.clock.now += timedelta(minutes=4)
            sending = Sending(
                parcel_id=self.desk.new_id(), from_branch_id=leaves, to_branch_id=comes, product=product,
                quantity=quantity, note="Avec la navette de midi",
            )  # fmt: skip
            sent = self.database.run(parcels.send, sending, actor=self.first, now=self.desk.clock.now)
            if arrives:
                self._receive(sent.id)

    def _receive(self, parcel_id: UUID) -> None:
        with self.database.read() as session:
            missing = parcels.articles_of(session, parcel_id)[0].id
        self.desk.clock.now += timedelta(minutes=30)
        self.database.run(
            parcels.receive, parcel_id=parcel_id, missing=[missing], note="Une carte n’était pas dans l’enveloppe",
            actor=self.second, now=self.desk.clock.now,
        )  # fmt: skip

    def count_some(self) -> None:
        """Paris counts and finds the missing card; Lyon is in the middle of its count."""
        for branch, ends in ((self.other, True), (self.home, False)):
            self.desk.clock.now += timedelta(minutes=6)
            count_id, now = self.desk.new_id(), self.desk.clock.now
            self.database.run(counts.open_count, count_id=count_id, branch_id=branch, actor=self.first, now=now)
            for serial in self._lie_at(branch)[: None if ends else 3]:
                self.database.run(counts.see, count_id=count_id, serial=serial, actor=self.first, now=now)
            if ends:
                self.database.run(counts.submit, count_id=count_id, actor=self.first, now=now)
                self.database.run(
                    closing.close, count_id=count_id, reason="Retrouvée sous le comptoir", actor=self.second, now=now
                )

    def _lie_at(self, branch: int) -> list[str]:
        states = [ArticleState.IN_STOCK.value, ArticleState.HELD.value]
        here = (Article.branch_id == branch) & Article.state.in_(states)
        with self.database.read() as session:
            found = select(Article.serial).where(here | (Article.state == ArticleState.LOST.value))
            return list(session.scalars(found.where(Article.kind != "seat").order_by(Article.serial)))


def _iccid(number: int) -> str:
    return with_luhn(f"893301{number:012d}")
