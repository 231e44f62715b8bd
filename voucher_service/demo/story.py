"""The lives of the demonstration: who comes when, with what, and the small accidents of every programme."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count
from uuid import UUID

from voucher_service.demo.cast import Someone
from voucher_service.demo.desk import Desk
from voucher_service.demo.gifts import EVERYONE, LOTS, OFFERS, YOUNG, Catalogue
from voucher_service.demo.moment import Joined, at, next_open, rush
from voucher_service.errors import Conflict
from voucher_service.ids import local_day
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers import life
from voucher_service.vouchers.issue import Wanted
from voucher_service.vouchers.models import Voucher

Event = Callable[[Joined], None]

KEPT_CODES = 4  # when so few of a code are left, desks propose another


class Story:
    """Events in order of time. One event plans the next of the same person."""

    def __init__(self, desk: Desk, catalogue: Catalogue, coordinator: UUID, rng: random.Random) -> None:
        """Begin with nothing planned."""
        self.desk = desk
        self.catalogue = catalogue
        self.actor = f"staff:{coordinator}"
        self.rng = rng
        self.codes = Counter({plan.product: plan.count for plan in LOTS})
        self._queue: list[tuple[datetime, int, Event]] = []
        self._numbers = count()
        self._gone: list[Someone] = []

    def plan(self, instant: datetime, event: Event) -> None:
        """Let `event` happen at `instant`."""
        heapq.heappush(self._queue, (instant, next(self._numbers), event))

    def play(self, database: Joined, until: datetime) -> None:
        """Let everything before `until` happen, in order."""
        while self._queue and self._queue[0][0] < until:
            instant, _, event = heapq.heappop(self._queue)
            self.desk.clock.now = max(instant, self.desk.clock.now)
            event(database)

    def plan_arrivals(self, people: int, first: date, last: date) -> None:
        """Spread the first visits of `people` over the days, more as the programme becomes known."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        weights = [rush(day) * (0.5 + number / len(days)) for number, day in enumerate(days)]
        cities = [18, 14, 13, 9, 8, 7, 12, 9, 10]  # of the branches, in percent
        for day in self.rng.choices(days, weights, k=people):
            home = self.rng.choices(range(len(cities)), cities)[0]
            person = self.desk.cast.someone(home, day.year)
            self.plan(self._hour(day), self._first_visit(person))

    def plan_stranded(self, day: date) -> None:
        """Two top-ups that the operator hung up on: nobody can tell, in the end people look at them."""
        for hour in (10.2, 15.4):
            self.plan(at(day, hour), self._first_visit(self.newcomer(day, 2, "107")))

    def forget(self, database: Joined) -> None:
        """Someone who comes no more asks to be erased."""
        person = self._gone.pop(0).id
        assert person is not None, "who has gone was once received"
        database.run(erase_person, person, now=self.desk.clock.now)

    def plan_today(self, now: datetime) -> None:
        """Drop what lies ahead, and plan the visits of the last hours, two of them with a late answer."""
        self._queue.clear()
        today = local_day(now)
        for minutes, home, meaning in (
            (165, 1, ""),
            (130, 0, ""),
            (96, 1, "104"),
            (61, 5, ""),
            (34, 1, ""),
            (1, 1, "108"),
        ):
            self.plan(now - timedelta(minutes=minutes), self._first_visit(self.newcomer(today, home, meaning)))

    def newcomer(self, day: date, home: int, meaning: str = "") -> Someone:
        """Return someone who comes for the first time and wants five euros; `meaning`: what the sandbox answers."""
        person = self.desk.cast.someone(home, day.year)
        person.usual, person.young = 101, False
        person.says = f"+33639984{meaning}" if meaning else None
        return person

    def _hour(self, day: date) -> datetime:
        hour = self.rng.uniform(9.5, 12.4) if self.rng.random() < 0.55 else self.rng.uniform(14.0, 16.9)
        return at(day, hour)

    def _first_visit(self, person: Someone) -> Event:
        def event(database: Joined) -> None:
            self.desk.receive(database, person)
            self._issue_and(database, person, self._visit)

        return event

    def _issue_and(self, database: Joined, person: Someone, then: Callable[[Joined, Someone, Voucher], None]) -> None:
        campaign = YOUNG if person.young and self.rng.random() < 0.6 else EVERYONE
        wanted = Wanted(
            campaign_id=self.catalogue.campaigns[campaign],
            offer_id=self.catalogue.offers[self._choose(person, campaign)],
            actor=self.actor,
            person_id=person.id,
            branch_id=self.desk.branches[person.home].id,
        )
        try:
            voucher = self.desk.issue(database, wanted)
        except Conflict:  # the cap of the month is reached: the person is received all the same
            self.desk.talk(database, person, self.catalogue.campaigns[campaign])
            self._plan_return(person)
            return
        then(database, person, voucher)

    def _choose(self, person: Someone, campaign: str) -> int:
        plans = [plan for plan in OFFERS if campaign == EVERYONE or plan.code in {102, 201}]
        stocked = [plan for plan in plans if plan.product not in self.codes or self.codes[plan.product] > KEPT_CODES]
        known = {plan.code for plan in stocked}
        if person.usual not in known or (person.visits and self.rng.random() < 0.2):
            person.usual = self.rng.choices([plan.code for plan in stocked], [plan.share for plan in stocked])[0]
        product = next(plan.product for plan in plans if plan.code == person.usual)
        if product in self.codes:
            self.codes[product] -= 1
        return person.usual

    def _visit(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        """The person shows the voucher; then the next visit is planned."""
        self._show(database, person, voucher)
        self._plan_return(person)

    def _show(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        chance = self.rng.random()
        if chance < 0.015:  # mistyped at first
            self.desk.present(database, person, voucher, code="1234 5678 9012 3456")
        elif chance < 0.02:
            self.desk.present(database, person, voucher, code="https://example.org/la-carte")
        number = self._wrong_number(person)
        recorded = self.desk.present(database, person, voucher, number=number)
        if recorded.outcome is not Outcome.ACCEPTED:
            return
        now = self.desk.clock.now
        order_id, actor = recorded.order_id, self.desk.who(person)
        assert order_id is not None, "an accepted scan has its order"
        self.plan(now + timedelta(seconds=40), lambda later: self.desk.reveal(later, order_id, actor))
        if number is not None and self.rng.random() < 0.7:  # refused, and back to the desk with the right number
            self.plan(now + timedelta(minutes=25), lambda later: self._again(later, person, voucher))
        elif self.rng.random() < 0.03:  # the paper is shown once more
            day = next_open(local_day(now) + timedelta(days=self.rng.randint(1, 4)))
            self.plan(self._hour(day), lambda later: self._again(later, person, voucher))

    def _again(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        self.desk.present(database, person, voucher)

    def _wrong_number(self, person: Someone) -> str | None:
        """Return a number with a meaning for the sandbox, now and then: refused, or an answer that is late."""
        if person.says is not None:
            said, person.says = person.says, None
            return said
        chance = self.rng.random()
        if person.digits is None or chance > 0.05:
            return None
        meaning = self.rng.choice(("102", "103", "106", "102") if chance < 0.03 else ("105", "108", "110", "111"))
        return f"+3363998{person.digits[0]}{meaning}"

    def _plan_return(self, person: Someone) -> None:
        """Plan the next voucher some days before the next visit; some people do not come back."""
        if self.rng.random() > 0.86:
            self._gone.append(person)
            return
        gap = max(30, round(self.rng.gauss(34, 5)))
        day = next_open(local_day(self.desk.clock.now) + timedelta(days=gap))
        before = self.rng.choices((0, 2, 4, 7), (40, 20, 20, 20))[0]
        visit = self._hour(day)
        if self.rng.random() < 0.09:
            self.plan(visit, lambda later: self._talk(later, person))
        elif before == 0:
            self.plan(visit, lambda later: self._issue_and(later, person, self._visit))
        else:
            issue = at(next_open(day - timedelta(days=before)), self.rng.uniform(9, 11))
            self.plan(min(issue, visit), lambda later: self._issue_and(later, person, self._wait_for(visit)))

    def _talk(self, database: Joined, person: Someone) -> None:
        self.desk.talk(database, person, self.catalogue.campaigns[EVERYONE])
        self._plan_return(person)

    def _wait_for(self, visit: datetime) -> Callable[[Joined, Someone, Voucher], None]:
        """The voucher was sent ahead: it is used at the visit, or lost, withdrawn, forgotten."""

        def then(_database: Joined, person: Someone, voucher: Voucher) -> None:
            chance = self.rng.random()
            if chance < 0.10:
                self._forget(person, voucher, visit)
            elif chance < 0.14:
                self.plan(visit, lambda later: self._cancel(later, person, voucher))
            elif chance < 0.20:
                self.plan(visit, lambda later: self._replace(later, person, voucher))
            else:
                self.plan(visit, lambda later: self._visit(later, person, voucher))

        return then

    def _forget(self, person: Someone, voucher: Voucher, visit: datetime) -> None:
        if self.rng.random() < 0.4:  # comes with it when it has expired
            day = next_open(max(voucher.last_day, local_day(visit)) + timedelta(days=self.rng.randint(1, 9)))
            self.plan(self._hour(day), lambda later: self._too_late(later, person, voucher))

    def _too_late(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        self.desk.present(database, person, voucher)
        self._replace(database, person, voucher)

    def _cancel(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        reason = self.rng.choice(("émis deux fois", "la personne a un forfait depuis", "mauvaise offre"))
        database.run(life.cancel, voucher.id, actor=self.actor, reason=reason, now=self.desk.clock.now)
        self._plan_return(person)

    def _replace(self, database: Joined, person: Someone, voucher: Voucher) -> None:
        reason = self.rng.choice(("papier perdu", "téléphone volé", "bon périmé", "code illisible"))
        try:
            successor = database.run(
                life.reissue,
                self.desk.ring,
                voucher.id,
                self.desk.new_id(),
                actor=self.actor,
                reason=reason,
                now=self.desk.clock.now,
            )
        except Conflict:  # it was used or withdrawn in the meantime
            return
        if self.rng.random() < 0.3:  # the old paper turns up again
            self.desk.present(database, person, voucher)
        self._visit(database, person, successor)
