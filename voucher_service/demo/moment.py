"""Time and transactions of the demonstration: a clock that is set by hand, and one transaction a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.ids import PROGRAMME_ZONE

P = ParamSpec("P")
T = TypeVar("T")

_CLOSED = frozenset({(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)})
_WEEKDAY = (1.0, 1.25, 0.8, 1.2, 0.9)  # Monday to Friday
_SEASON = {1: 1.3, 2: 1.25, 3: 1.05, 6: 0.95, 7: 0.8, 8: 0.6, 11: 1.15, 12: 1.2}


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the instant it was set to."""
        return self.now


class Joined(Database):
    """A database whose transactions all join one that is open: a day of the demonstration is one commit.

    The features are the real ones; only the time of the commit is later. After each block the session
    forgets what it read, as if it had ended.
    """

    def __init__(self, session: Session) -> None:
        """Join the transaction of `session`; whoever opened it commits it."""
        self._session = session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Lend the open transaction."""
        yield self._session
        self._session.flush()
        self._session.expunge_all()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Lend the open transaction for reading."""
        with self.begin() as session:
            yield session

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` once: with nobody else there, nobody can have been first."""
        with self.begin() as session:
            return work(session, *args, **kwargs)


def at(day: date, hour: float) -> datetime:
    """Return the instant of `hour` (9.5 is half past nine) on `day`, where the branches are."""
    return datetime.combine(day, time(), tzinfo=PROGRAMME_ZONE) + timedelta(hours=hour)


def is_open(day: date) -> bool:
    """Say whether branches receive people on `day`."""
    return day.weekday() < 5 and (day.month, day.day) not in _CLOSED


def next_open(day: date) -> date:
    """Return `day`, or the first day after it on which branches are open."""
    while not is_open(day):
        day += timedelta(days=1)
    return day


def rush(day: date) -> float:
    """Return how many people come on `day`, as a factor of an average day; 0 when closed."""
    return _WEEKDAY[day.weekday()] * _SEASON.get(day.month, 1.0) if is_open(day) else 0.0
