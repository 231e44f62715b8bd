"""A programme that gives SIM cards, handsets and seats at two branches, and the hands that move them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from integrations.article_stock import ArticleStock
from tests.flows.delivery.desk import Desk
from tests.flows.stock.files import PRODUCTS, SELL_BY, article_file
from tests.programme import FIRST_DAY, Programme, add_gift
from voucher_service.fulfilment.articles import closing, counts, parcels
from voucher_service.fulfilment.articles.count_models import StockCount
from voucher_service.fulfilment.articles.hand_over import Handed, hand_over
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.articles.parcel_models import Parcel
from voucher_service.fulfilment.articles.parcels import Product, Sending
from voucher_service.fulfilment.lots import import_lot
from voucher_service.ids import new_id
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import CampaignOffer, Offer, OfferTerms
from voucher_service.units import Unit

AWA, MARC, NOUR = "staff:awa", "staff:marc", "staff:nour"
NORTH, SOUTH = 1, 2


class Shelves(Desk):
    """The desk of the delivery tests, with articles. Each hand moves one thing, as the doors do."""

    def __init__(self, programme: Programme, folder: Path) -> None:
        super().__init__(programme, folder)
        self.providers |= dict.fromkeys((f"{kind}_stock" for kind in PRODUCTS), ArticleStock())
        self.offers: dict[str, UUID] = {}
        with programme.database.begin() as session:
            add_gift(session, programme.partner_id, 10_000, unit=Unit.PIECE)
            for code, (kind, product) in enumerate(PRODUCTS.items(), start=51):
                offer = Offer(
                    id=new_id(),
                    code=code,
                    partner_id=programme.partner_id,
                    name_fr=product,
                    name_en=product,
                    unit=Unit.PIECE.value,
                    route=f"{kind}_stock",
                    product_code=product,
                )
                session.add(offer)
                session.flush()
                session.add(CampaignOffer(campaign_id=programme.campaign_id, offer_id=offer.id))
                session.add(
                    OfferTerms(
                        offer_id=offer.id,
                        effective_from=FIRST_DAY,
                        quantity=1,
                        face_value_cents=0,
                        price_cents=0,
                        validity_days=90,
                    )
                )
                self.offers[kind] = offer.id

    def bring(self, kind: str, numbers: list[int], *, branch: int = NORTH, day: object = SELL_BY) -> int:
        """Take a lot in; return its number."""
        return self.bring_file(article_file(kind, numbers, day=day), branch=branch)  # type: ignore[arg-type]

    def bring_file(self, content: bytes, *, branch: int | None = NORTH) -> int:
        """Take a file in; return its lot."""
        p = self.programme
        made = import_lot(
            p.database,
            p.vault,
            partner_id=p.partner_id,
            file_name="lot.csv",
            content=content,
            actor=AWA,
            now=p.now,
            branch_id=branch,
        )
        return made.lot_id

    def want(self, kind: str, *, branch: int = NORTH, person_id: UUID | None = None) -> UUID:
        """Redeem a voucher for an article at a branch, and let the deliverer work; return the order."""
        p = self.programme
        voucher = p.issue(offer_id=self.offers[kind], person_id=person_id)
        place = p.branches[branch - 1]
        recorded = p.scan(p.digits(voucher), number=None, branch_id=place.id, till_book_id=place.till_book_id)
        assert recorded.order_id is not None, recorded.outcome
        self.sweep()
        return recorded.order_id

    def give(self, order_id: UUID, serial: str = "", *, number: str = "") -> Handed:
        """Hand an order's article over."""
        p = self.programme
        return p.database.run(hand_over, p.vault, order_id=order_id, serial=serial, number=number, actor=AWA, now=p.now)

    def send(self, quantity: int = 0, *, serials: tuple[str, ...] = (), kind: str = "sim", **changes: object) -> Parcel:
        """Send from the north to the south."""
        p = self.programme
        fields: dict[str, object] = {
            "parcel_id": new_id(),
            "from_branch_id": NORTH,
            "to_branch_id": SOUTH,
            "serials": serials,
            "product": self.product(kind) if quantity else None,
            "quantity": quantity,
        }
        sending = Sending(**(fields | changes))  # type: ignore[arg-type]  # its own names
        return p.database.run(parcels.send, sending, actor=AWA, now=p.now)

    def receive(self, parcel: Parcel, missing: tuple[UUID, ...] = (), *, by: str = MARC) -> Parcel:
        """Receive a parcel."""
        p = self.programme
        note = "carton ouvert" if missing else ""
        return p.database.run(parcels.receive, parcel_id=parcel.id, missing=missing, note=note, actor=by, now=p.now)

    def product(self, kind: str) -> Product:
        """The one product of a kind."""
        return Product(partner_id=self.programme.partner_id, kind=kind, product_code=PRODUCTS[kind])

    def count(self, branch: int = NORTH) -> StockCount:
        """Open a stock-take."""
        p = self.programme
        return p.database.run(counts.open_count, count_id=new_id(), branch_id=branch, actor=AWA, now=p.now)

    def see(self, count: StockCount, *serials: str) -> list[counts.Seen]:
        """Scan serials."""
        p = self.programme
        return [
            p.database.run(counts.see, count_id=count.id, serial=serial, actor=AWA, now=p.now) for serial in serials
        ]

    def close(self, count: StockCount, *, by: str = MARC) -> dict[str, str]:
        """Submit and close a stock-take; return serial → finding of what differed."""
        p = self.programme
        p.database.run(counts.submit, count_id=count.id, actor=AWA, now=p.now)
        p.database.run(closing.close, count_id=count.id, reason="inventaire du mois", actor=by, now=p.now)
        with p.database.read() as session:
            found = closing.differences(session, session.get_one(StockCount, count.id))
            return {one.article.serial: one.finding.value for one in found}

    def article(self, serial: str) -> Article:
        """The article as it stands."""
        with self.programme.database.read() as session:
            return session.scalars(select(Article).where(Article.serial == serial)).one()

    def inside(self, parcel: Parcel) -> list[Article]:
        """What is in a parcel, by serial."""
        with self.programme.database.read() as session:
            return sorted(parcels.articles_of(session, parcel.id), key=lambda one: one.serial)

    def states(self, branch: int | None = None) -> Mapping[str, int]:
        """How many articles are in each state."""
        query = select(Article.state, func.count()).group_by(Article.state)
        if branch is not None:
            query = query.where(Article.branch_id == branch)
        with self.programme.database.read() as session:
            return Counter({state: many for state, many in session.execute(query)})  # noqa: C416  # rows

    def in_books(self, lot_id: int) -> dict[AccountKind, int]:
        """The lot's balances that are not zero, the donor's aside."""
        with self.programme.database.read() as session:
            return {
                kind: left for kind, left in balances(session, lot_id).items() if left and kind != AccountKind.DONOR
            }

    def order_state(self, order_id: UUID) -> str:
        """The order's state."""
        return str(self.row(order_id).state)

    def sound(self) -> None:
        """The equation holds for every lot, by the audit and by adding up here."""
        assert self.programme.findings() == []
