"""Parcels: in transit nothing can be given, another person receives, what is missing is lost, races end in one."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from sqlalchemy import update

from tests.flows.stock.files import iccid, imei
from tests.flows.stock.shelves import AWA, MARC, NORTH, SOUTH, Shelves
from voucher_service.errors import BadInput, Conflict, SecondPersonNeeded, ServiceError
from voucher_service.fulfilment.articles import parcels
from voucher_service.fulfilment.articles.parcel_models import Parcel
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind


def test_sent_received_and_what_is_missing(shelves: Shelves) -> None:
    lot_id = shelves.bring("sim", [1, 2, 3])
    early = shelves.bring("sim", [4], day=date(2026, 5, 1))
    waiting = shelves.want("sim", branch=SOUTH)
    parcel = shelves.send(3)
    assert {one.serial for one in shelves.inside(parcel)} >= {iccid(4)}, "what expires first travels first"
    assert shelves.in_books(early) == {AccountKind.IN_TRANSIT: 1}
    assert shelves.states() == {"in_transit": 3, "in_stock": 1}
    shelves.sound()
    gone = shelves.inside(parcel)[0]
    with pytest.raises(SecondPersonNeeded):
        shelves.receive(parcel, by=AWA)
    with pytest.raises(BadInput):
        shelves.receive(parcel, (new_id(),))
    p = shelves.programme
    with pytest.raises(BadInput):
        p.database.run(parcels.receive, parcel_id=parcel.id, missing=(gone.id,), note="", actor=MARC, now=p.now)
    shelves.receive(parcel, (gone.id,))
    with pytest.raises(Conflict) as again:
        shelves.receive(parcel)
    assert again.value.code == "parcel_ended"
    assert shelves.article(gone.serial).state == "lost"
    assert shelves.states(SOUTH) == {"in_stock": 2}
    assert shelves.sweep() == 1, "what arrives wakes who waits"
    assert shelves.order_state(waiting) == "held"
    assert AccountKind.IN_TRANSIT not in shelves.in_books(lot_id)
    shelves.sound()


def test_nothing_in_transit_is_given(shelves: Shelves) -> None:
    shelves.bring("handset", [1])
    parcel = shelves.send(serials=(imei(1),))
    for branch in (NORTH, SOUTH):
        assert shelves.order_state(shelves.want("handset", branch=branch)) == "waiting"
    p = shelves.programme
    p.database.run(parcels.recall, parcel_id=parcel.id, note="oublié sur le bureau", actor=AWA, now=p.now)
    assert shelves.sweep() == 1, "it is back where it was"
    assert shelves.article(imei(1)).branch_id == NORTH
    shelves.sound()


def test_what_cannot_be_sent_is_refused_and_the_same_form_is_one_parcel(shelves: Shelves) -> None:
    shelves.bring("sim", [1, 2])
    shelves.want("sim")
    held = next(number for number in (1, 2) if shelves.article(iccid(number)).state == "held")
    for wrong in ({"serials": (iccid(held),)}, {"serials": (iccid(9),)}, {"serials": (), "quantity": 0}):
        with pytest.raises(BadInput):
            shelves.send(**wrong)
    with pytest.raises(BadInput):
        shelves.send(1, to_branch_id=NORTH)
    with pytest.raises(Conflict) as small:
        shelves.send(2)
    assert small.value.code == "stock_too_small"
    parcel_id = new_id()
    assert shelves.send(1, parcel_id=parcel_id).id == shelves.send(1, parcel_id=parcel_id).id
    assert shelves.states() == {"held": 1, "in_transit": 1}
    shelves.sound()


def test_an_article_travels_back_and_forth_in_the_same_second(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    for start, end in ((NORTH, SOUTH), (SOUTH, NORTH), (NORTH, SOUTH)):
        parcel = shelves.send(serials=(iccid(1),), from_branch_id=start, to_branch_id=end)
        shelves.receive(parcel)
    assert shelves.article(iccid(1)).branch_id == SOUTH
    shelves.sound()


def at_once(*hands: object) -> list[str]:
    """Let the hands go at the same moment; return what each came to."""
    barrier, told = threading.Barrier(len(hands)), []

    def one(hand: object) -> None:
        barrier.wait()
        try:
            hand()  # type: ignore[operator]  # each is a call without arguments
            told.append("done")
        except ServiceError as error:
            told.append(error.code)

    threads = [threading.Thread(target=one, args=(hand,)) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


@pytest.mark.postgresql
def test_two_people_send_the_same_articles_at_once(busy_shelves: Shelves) -> None:
    busy_shelves.bring("sim", list(range(6)))
    serials = tuple(iccid(number) for number in range(6))
    told = at_once(*[lambda: busy_shelves.send(serials=serials) for _ in range(4)])
    assert told.count("done") == 1, told
    assert busy_shelves.states() == {"in_transit": 6}
    busy_shelves.sound()


@pytest.mark.postgresql
def test_two_people_receive_at_once_and_one_hands_over_what_another_sends(busy_shelves: Shelves) -> None:
    busy_shelves.bring("sim", [1, 2])
    parcel = busy_shelves.send(serials=(iccid(1),))
    told = at_once(*[lambda by=by: busy_shelves.receive(parcel, by=by) for by in ("staff:b", "staff:c", "staff:d")])
    assert (told.count("done"), told.count("parcel_ended")) == (1, 2)
    order_id = busy_shelves.want("sim", branch=NORTH)
    told = at_once(
        lambda: busy_shelves.give(order_id, iccid(2)), lambda: busy_shelves.send(serials=(iccid(2),)),
        lambda: busy_shelves.give(order_id, iccid(2)),
    )  # fmt: skip
    assert told.count("done") == 1, told
    busy_shelves.sound()


@pytest.mark.postgresql
def test_whoever_takes_the_box_that_another_sends_gets_it_or_not_at_all(busy_shelves: Shelves) -> None:
    busy_shelves.bring("sim", [1, 2])
    order_id = busy_shelves.want("sim")
    held = next(number for number in (1, 2) if busy_shelves.article(iccid(number)).state == "held")
    other = iccid(3 - held)
    told = at_once(lambda: busy_shelves.give(order_id, other), lambda: busy_shelves.send(serials=(other,)))
    assert told.count("done") == 1, told
    busy_shelves.sound()


def test_the_database_refuses_a_lone_receiver_and_a_second_place_under_way(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    parcel = shelves.send(1)
    now = shelves.programme.now
    with pytest.raises(Exception, match=r"two_people|CHECK"), shelves.programme.database.begin() as session:
        session.execute(update(Parcel).values(state="received", ended_by=AWA, ended_at=now))
    with pytest.raises(Exception, match=r"(?i)unique"), shelves.programme.database.begin() as session:
        parcels.pack(session, new_id(), shelves.inside(parcel), arrived=None)
    assert shelves.receive(parcel).ended_by == MARC
