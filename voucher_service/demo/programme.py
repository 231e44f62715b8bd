"""Filling an empty database with the demonstration: six months of a programme in seven cities.

Everything goes through the features a real programme uses, with a clock set by hand, so the books of the
demonstration are as sound as any. The same seed on the same day gives the same figures.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.demo import corners
from voucher_service.demo.cast import Cast
from voucher_service.demo.desk import Desk, rehearsed
from voucher_service.demo.gifts import Catalogue, open_catalogue, open_partners
from voucher_service.demo.moment import Clock, Joined, at, next_open
from voucher_service.demo.months import agree_on_months
from voucher_service.demo.office import Office
from voucher_service.demo.shelves import fill_shelves
from voucher_service.demo.staff import ACCOUNTS, BRANCHES, COLLEAGUES, fill_staff
from voucher_service.demo.story import Story
from voucher_service.ids import local_day
from voucher_service.messages.gateways import Channel, GatewayKind
from voucher_service.messages.settings import set_gateway
from voucher_service.services import Services
from voucher_service.staff.models import Branch, Staff
from voucher_service.visits.questions import Forms

Progress = Callable[[str, int, int], None]
"""Told what is being made, how many are done, and how many there will be."""

DAYS = 184
PEOPLE = 250
SEED = 2026

_OPENING = 7  # days between the first gift and the first visit
_LABEL = "Six mois de programme"


def fill(services: Services, progress: Progress, *, now: datetime, seed: int = SEED, people: int = PEOPLE) -> None:
    """Fill an empty, migrated database with what happened before `now`.

    `progress` counts days. Orders made in the last minutes are left to the worker that starts next.
    """
    rng = random.Random(seed)  # noqa: S311  # invents a demonstration; guards nothing
    last = local_day(now)
    start = next_open(last - timedelta(days=DAYS))
    clock = Clock(at(start, 8))
    with services.database.begin() as session:
        catalogue, staff = _set_up(session, services, start, last)
        desk = _desk(session, services, staff, clock, rng)
    office = Office(desk, catalogue, staff, rng)
    story = Story(desk, catalogue, staff["coordination"], rng)
    office.plan_all(story.plan, start, last)
    story.plan_arrivals(people, next_open(start + timedelta(days=_OPENING)), last - timedelta(days=1))
    story.plan_stranded(next_open(last - timedelta(days=6)))
    for number in (130, 155):
        story.plan(at(start + timedelta(days=number), 16), story.forget)
    total = (last - start).days + 1
    for number in range(total - 1):
        day = start + timedelta(days=number)
        with services.database.begin() as session:
            joined = Joined(session)
            story.play(joined, at(day, 17.9))
            office.night(joined, day)
        progress(_LABEL, number + 1, total)
    with services.database.begin() as session:
        _today(Joined(session), services, office, story, now)
    progress(_LABEL, total, total)


def _set_up(session: Session, services: Services, start: date, last: date) -> tuple[Catalogue, dict[str, UUID]]:
    partners, agreements = open_partners(session, start, last)
    fill_staff(session, now=at(start, 8), accounts=ACCOUNTS + COLLEAGUES)
    catalogue = open_catalogue(session, partners, agreements, start, last)
    services.ring.add_key(session, at(start, 8))
    _open_console(session, services, at(start, 8))
    return catalogue, {row.login: row.id for row in session.execute(select(Staff.login, Staff.id))}


def _open_console(session: Session, services: Services, now: datetime) -> None:
    """Let messages of the demonstration be shown in the terminal: nothing leaves."""
    for channel in Channel if services.gateways else ():
        set_gateway(
            session,
            services.vault,
            services.gateways,
            channel=channel,
            kind=GatewayKind.CONSOLE,
            values={},
            actor="demo",
            now=now,
        )


def _desk(session: Session, services: Services, staff: dict[str, UUID], clock: Clock, rng: random.Random) -> Desk:
    rows = list(session.scalars(select(Branch).order_by(Branch.id)))
    session.expunge_all()
    return Desk(
        vault=services.vault,
        ring=services.ring,
        providers=rehearsed(services.providers, clock),
        forms=Forms(),
        clock=clock,
        cast=Cast(rng),
        rng=rng,
        branches=rows,
        staff=[
            [staff[account.login] for account in ACCOUNTS + COLLEAGUES if city in account.cities]
            for _, city, _ in BRANCHES
        ],
    )


def _today(database: Joined, services: Services, office: Office, story: Story, now: datetime) -> None:
    """The last month's statements, and visits until a minute ago."""
    story.desk.clock.now = now - timedelta(hours=3)
    agree_on_months(database, services, office, story.desk.clock.now)
    fill_shelves(database, office, story, now)
    corners.lost_network(database, story, now)
    corners.write_on_paper(database, story)
    corners.connect(database, services, story, story.desk.clock.now)
    corners.give_key(database, story, office.actor("operateur2"), story.desk.clock.now)
    corners.announce(database, services, story, office.actor("operateur"), story.desk.clock.now)
    story.plan_today(now)
    story.play(database, now)
