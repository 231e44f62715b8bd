"""What only the corners of a programme show: a tablet that lost its network, a paper log, a connection, a webhook.

Each is small, so that every page of the back office and of the operators has something to show.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from voucher_service.demo.gifts import EVERYONE
from voucher_service.demo.moment import Joined
from voucher_service.demo.story import Story
from voucher_service.demo.tablet import Tablet
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.deliver import deliver_next
from voucher_service.partners.api import keys
from voucher_service.services import Services
from voucher_service.visits.paper import keying, packs
from voucher_service.vouchers import life
from voucher_service.vouchers.issue import Wanted
from voucher_service.vouchers.models import Voucher
from voucher_service.webhooks import courier, endpoints, outbox
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.sender import Answer

_HOME = 1  # Lyon, where the account of the start-up card works
_KIND = "reloadly"
_NUMBERS = ("06 39 98 41 12", "06 39 98 41 13", "06 39 98 41 14")


def lost_network(database: Joined, story: Story, now: datetime) -> None:
    """A tablet accepts three vouchers without a network: one is confirmed, two wait for a person."""
    desk, start = story.desk, now - timedelta(minutes=179)
    desk.clock.now = start
    tablet = Tablet.enrolled(
        database,
        desk.vault,
        name="Tablette de l’entrée",
        branch_id=desk.branches[_HOME].id,
        staff_id=desk.staff[_HOME][0],
        actor=story.actor,
        now=start,
    )
    kept, twice, withdrawn = (_voucher(database, story) for _ in range(3))
    desk.clock.now = start + timedelta(minutes=2)
    someone = story.newcomer(start.date(), _HOME)
    desk.receive(database, someone)
    desk.present(database, someone, twice)
    for minutes, voucher, number in zip((3, 5, 6), (kept, twice, withdrawn), _NUMBERS, strict=True):
        with database.read() as session:
            code = desk.ring.printed(session, voucher).digits
        tablet.accept(voucher, code, number=number, at=start + timedelta(minutes=minutes))
    desk.clock.now = start + timedelta(minutes=8)
    database.run(life.cancel, withdrawn.id, actor=story.actor, reason="déclaré perdu par téléphone", now=desk.clock.now)
    desk.clock.now = start + timedelta(minutes=10)
    answers = tablet.upload(database, desk.vault, desk.ring, desk.forms, now=desk.clock.now)
    for answer in answers:
        if answer.order_id is not None:
            deliver_next(database, desk.providers, desk.vault, desk.clock, order_id=answer.order_id)


def write_on_paper(database: Joined, story: Story) -> None:
    """Two emergency packs; of one, two lines are keyed in: a confirmed one, and one whose voucher was cancelled."""
    desk, branch_id = story.desk, story.desk.branches[_HOME].id
    now = desk.clock.now
    used, _fresh = [
        database.run(
            packs.make_pack,
            pack_id=desk.new_id(),
            branch_id=branch_id,
            pages=4,
            actor=story.actor,
            now=now - timedelta(days=day),
        )
        for day in (12, 2)
    ]
    for line, cancelled in ((1, False), (2, True)):
        voucher = _voucher(database, story)
        with database.read() as session:
            typed = desk.ring.printed(session, voucher).typed
        if cancelled:
            database.run(life.cancel, voucher.id, actor=story.actor, reason="émis deux fois", now=now)
        written = keying.Written(
            number_of_pack=used.number,
            page=1,
            line=line,
            handed_at=now - timedelta(minutes=20 - line),
            code=typed,
            initials="CM",
            number="+33639984115",
            handed="une carte SIM",
        )
        keyed = database.run(keying.key_line, desk.vault, desk.ring, written, staff_id=desk.staff[_HOME][0], now=now)
        if keyed.order_id is not None:
            deliver_next(database, desk.providers, desk.vault, desk.clock, order_id=keyed.order_id)


def _voucher(database: Joined, story: Story) -> Voucher:
    wanted = Wanted(
        campaign_id=story.catalogue.campaigns[EVERYONE],
        offer_id=story.catalogue.offers[101],
        actor=story.actor,
        branch_id=story.desk.branches[_HOME].id,
    )
    return story.desk.issue(database, wanted)


def connect(database: Joined, services: Services, story: Story, now: datetime) -> None:
    """A connection the second operator has prepared and nobody has switched on: nothing leaves."""
    kind = services.kinds.get(_KIND)
    if kind is None:
        return
    answers = connections.Answers(
        base=kind.bases[0],
        trial=False,
        settings={one.name: one.default for one in kind.questions if not one.secret},
        secrets={one.name: "demonstration" for one in kind.questions if one.secret},
    )
    database.run(
        connections.create,
        services.vault,
        services.kinds,
        partner_id=story.catalogue.partners[1],
        kind=_KIND,
        route="telea-essai",
        answers=answers,
        actor=story.actor,
        now=now,
    )


def give_key(database: Joined, story: Story, actor: str, now: datetime) -> None:
    """A key of the second operator’s accounting program; nobody holds it, so it opens nothing to anyone."""
    database.run(
        keys.create,
        partner_id=story.catalogue.partners[1],
        name="Comptabilité",
        scopes=[keys.Scope.BOOKS_READ, keys.Scope.STATEMENTS_READ],
        actor=actor,
        now=now,
    )


def announce(database: Joined, services: Services, story: Story, actor: str, now: datetime) -> None:
    """A webhook of the first operator that was tried, answered once and once not, then switched off; and another."""
    partner_id, address = story.catalogue.partners[0], "https://ondelia.example/coup-de-pouce"
    if services.sender.refusal(address):
        return
    with database.begin() as session:
        made, _secret = endpoints.create(
            session,
            services.vault,
            services.sender,
            partner_id=partner_id,
            address=address,
            events=[Event.ALLOCATION_OPENED, Event.STATEMENT_RECONCILED, Event.BOOKS_CHECKPOINT],
            actor=actor,
            now=now,
        )
        for minutes, answer in enumerate((Answer(204, "http_204"), Answer(None, "connect_timeout"))):
            at = now + timedelta(minutes=minutes)
            outbox.tell_trial(session, partner_id=partner_id, endpoint_id=made.id, now=at)
            claimed = courier.claim(session, at)
            assert claimed is not None, "the trial has just been asked for"
            courier.book(session, claimed, answer, now=at)
        endpoints.switch_off(session, made.id, actor=actor, now=now + timedelta(minutes=2))
        # And one of the second operator's in service, which no day of the demonstration tells anything.
        endpoints.create(
            session,
            services.vault,
            services.sender,
            partner_id=story.catalogue.partners[1],
            address="https://telea.example/mois-clos",
            events=[Event.PERIOD_AGREED],
            actor=actor,
            now=now,
        )
