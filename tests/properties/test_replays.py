"""The same request fifty times, one after another and all at once: one effect, one answer; another body: refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.faults.races import rush
from tests.properties.arena import Arena, answer_of, lot_file
from tests.properties.readings import TABLES
from tests.world import THRESHOLD, built, give
from voucher_service.db import Database
from voucher_service.ids import new_id
from voucher_service.partners.gifts import approve_allocation

TIMES = 50
THREADS = 10
COUNTED = ("voucher", "transfer", "scan", "visit", "top_up_order", "lot", "stock_item", "reveal")


@dataclass(frozen=True)
class Request:
    """`send` is the request; `other` the same key with another body, where a key is the caller's to choose."""

    send: Callable[[], Any]
    other: Callable[[], Any] | None


def rows(arena: Arena) -> dict[str, int]:
    """How many rows there are of everything a request could write."""
    with arena.programme.database.read() as session:
        return {name: session.scalar(select(func.count()).select_from(TABLES[name])) or 0 for name in COUNTED}


def live(arena: Arena, person: UUID | None = None) -> UUID:
    """A voucher, ready."""
    return arena.issue(new_id(), arena.wanted("euros", person)).id


def issuing(arena: Arena) -> Request:
    """One voucher to a person: the cap must not count the replay either."""
    voucher_id, wanted = new_id(), arena.wanted("euros", arena.programme.person())
    elsewhere = replace(wanted, branch_id=1)
    return Request(lambda: arena.issue(voucher_id, wanted).id, lambda: arena.issue(voucher_id, elsewhere))


def reissuing(arena: Arena) -> Request:
    """A voucher in the place of another."""
    old, other, fresh = live(arena), live(arena), new_id()
    return Request(lambda: arena.reissue(old, fresh).id, lambda: arena.reissue(other, fresh))


def redeeming(arena: Arena) -> Request:
    """A scan that is accepted."""
    return _scanning(arena, live(arena))


def second_scan(arena: Arena) -> Request:
    """A scan that is refused: the voucher was used before."""
    voucher = live(arena)
    assert _scanning(arena, voucher).send().outcome.value == "accepted"
    return _scanning(arena, voucher)


def _scanning(arena: Arena, voucher_id: UUID) -> Request:
    table = TABLES["voucher"]
    with arena.programme.database.read() as session:
        voucher: Any = session.execute(table.select().where(table.c.id == voucher_id)).one()
        code = arena.programme.ring.printed(session, voucher).digits
    request = arena.request(code, 0, paid_cents=200)
    return Request(lambda: arena.scan(request), lambda: arena.scan(replace(request, paid_cents=100)))


def importing(arena: Arena) -> Request:
    """A lot of codes; its key is the file itself, so another body is another lot."""
    content = lot_file(arena.scene.partner_name, 5)
    return Request(lambda: arena.import_lot(content), None)


def returning(arena: Arena) -> Request:
    """Part of a gift given back."""
    gift, key = arena.scene.gifts[0], "key"
    return Request(lambda: arena.return_to_donor(gift, 100, key), lambda: arena.return_to_donor(gift, 200, key))


REQUESTS = [issuing, reissuing, redeeming, second_scan, importing, returning]


@pytest.fixture
def arena(database_url: str, tmp_path: Path) -> Iterator[Arena]:
    """An arena with its scene set."""
    made = Arena.at(database_url, tmp_path)
    made.begin()
    yield made
    made.programme.database.close()


@pytest.mark.parametrize("make", REQUESTS)
def test_one_after_another(arena: Arena, make: Callable[[Arena], Request]) -> None:
    request = make(arena)
    first = answer_of(request.send)
    before = rows(arena)
    assert not isinstance(first, str), first
    assert [answer_of(request.send) for _ in range(TIMES)] == [first] * TIMES
    assert rows(arena) == before
    assert arena.programme.findings() == []


@pytest.mark.parametrize("make", REQUESTS)
def test_all_at_once(arena: Arena, make: Callable[[Arena], Request]) -> None:
    request = make(arena)
    before = rows(arena)
    answers = [answer for _ in range(TIMES // THREADS) for answer in rush([request.send] * THREADS)]
    assert len(answers) == TIMES
    assert not isinstance(answers[0], str), answers[0]
    assert answers == [answers[0]] * TIMES
    after = rows(arena)
    assert {name for name in COUNTED if after[name] > before[name]}, "it did happen"
    again = answer_of(request.send)
    assert (again, rows(arena)) == (answers[0], after)
    assert arena.programme.findings() == []


@pytest.mark.parametrize("make", [make for make in REQUESTS if make is not importing])
def test_another_body_under_the_same_key(arena: Arena, make: Callable[[Arena], Request]) -> None:
    request = make(arena)
    assert request.other is not None
    first = answer_of(request.send)
    before = rows(arena)
    with ThreadPoolExecutor(THREADS) as threads:
        told = set(threads.map(answer_of, [request.other] * TIMES))
    assert told == {"idempotency_key_reused"}
    assert rows(arena) == before
    assert answer_of(request.send) == first


@pytest.mark.parametrize("make", [make for make in REQUESTS if make is not importing])
def test_two_bodies_under_one_key_at_once(arena: Arena, make: Callable[[Arena], Request]) -> None:
    request = make(arena)
    assert request.other is not None
    answers = rush([request.send, request.other] * (THREADS // 2))
    told = [answer for answer in answers if isinstance(answer, str)]
    assert len(told) == THREADS // 2, "either is served, never both"
    assert set(told) == {"idempotency_key_reused"}
    assert arena.programme.findings() == []


@pytest.mark.parametrize("at_once", [False, True])
def test_an_approval(database_url: str, at_once: bool) -> None:
    database = Database(database_url)
    world = built(database)
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1)
    approve = partial(database.run, approve_allocation, gift.id, "staff:paul", gift.created_at)
    rounds = [
        rush([approve] * THREADS) if at_once else [answer_of(approve) for _ in range(THREADS)]
        for _ in range(TIMES // THREADS)
    ]
    assert {answer.state for answers in rounds for answer in answers} == {"open"}
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(TABLES["transfer"])) == 1
    database.close()
