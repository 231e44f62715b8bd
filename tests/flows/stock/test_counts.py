"""Stock-takes: movements explain themselves, the rest is missing, found or elsewhere; two people close."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.flows.stock.files import iccid, imei
from tests.flows.stock.shelves import AWA, MARC, NORTH, SOUTH, Shelves
from voucher_service.errors import BadInput, Conflict, SecondPersonNeeded
from voucher_service.fulfilment.articles import closing, counts
from voucher_service.fulfilment.articles.count_models import Finding
from voucher_service.fulfilment.articles.counts import Seen
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind


def test_a_whole_count_with_a_loss_then_the_find(shelves: Shelves) -> None:
    lot_id = shelves.bring("sim", [1, 2, 3])
    shelves.bring("handset", [7], branch=SOUTH)
    count = shelves.count()
    assert shelves.see(count, iccid(1), iccid(1), imei(7), "8933999", iccid(2)) == [
        Seen.EXPECTED, Seen.AGAIN, Seen.UNEXPECTED, Seen.UNKNOWN, Seen.EXPECTED,
    ]  # fmt: skip
    assert shelves.close(count) == {iccid(3): "missing", imei(7): "elsewhere"}
    assert (shelves.article(iccid(3)).state, shelves.article(imei(7)).branch_id) == ("lost", NORTH)
    assert shelves.in_books(lot_id) == {AccountKind.AVAILABLE: 2, AccountKind.WRITTEN_OFF: 1}
    shelves.sound()
    again = shelves.count(SOUTH)
    shelves.see(again, iccid(3))
    assert shelves.close(again) == {iccid(3): "found"}
    found = shelves.article(iccid(3))
    assert (found.state, found.branch_id) == ("in_stock", SOUTH), "it is where it was seen"
    assert shelves.in_books(lot_id) == {AccountKind.AVAILABLE: 3}
    shelves.sound()


def test_what_moves_while_the_count_is_open_explains_itself(shelves: Shelves) -> None:
    shelves.bring("sim", [1, 2, 3, 4])
    aside = shelves.want("sim")
    count = shelves.count()
    held = next(number for number in (1, 2, 3, 4) if shelves.article(iccid(number)).state == "held")
    rest = [number for number in (1, 2, 3, 4) if number != held]
    shelves.send(serials=(iccid(rest[0]),))
    shelves.bring("sim", [5])
    shelves.see(count, iccid(5), iccid(rest[1]))
    assert shelves.close(count) == {
        iccid(held): "set_aside",
        iccid(rest[0]): "explained",
        iccid(rest[2]): "missing",
        iccid(5): "explained",
    }
    shelves.give(aside, iccid(held))
    shelves.sound()


def test_what_was_given_and_lies_there_is_for_a_person_to_judge(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    shelves.give(shelves.want("sim"), iccid(1))
    count = shelves.count()
    shelves.see(count, iccid(1))
    assert shelves.close(count) == {iccid(1): "misplaced"}
    assert shelves.article(iccid(1)).state == "given"
    shelves.sound()


def test_counted_by_hand_only_when_the_number_is_right(shelves: Shelves) -> None:
    shelves.bring("sim", [1, 2, 3])
    count, p = shelves.count(), shelves.programme
    what = {"count_id": count.id, "product": shelves.product("sim"), "actor": AWA, "now": p.now}
    for wrong in (2, 4):
        with pytest.raises(BadInput):
            p.database.run(counts.see_all, quantity=wrong, **what)  # type: ignore[arg-type]  # its own names
    shelves.see(count, iccid(1))
    assert p.database.run(counts.see_all, quantity=3, **what) == 2  # type: ignore[arg-type]
    p.database.run(counts.forget, count_id=count.id, serial=iccid(2))
    assert shelves.close(count) == {iccid(2): "missing"}
    shelves.sound()


def test_two_people_close_and_one_count_is_open_at_a_time(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    count, p = shelves.count(), shelves.programme
    with pytest.raises(Conflict) as open_already:
        shelves.count()
    assert open_already.value.code == "count_under_way"
    close = {"count_id": count.id, "now": p.now}
    with pytest.raises(Conflict):
        p.database.run(closing.close, actor=MARC, reason="pas fini", **close)  # type: ignore[arg-type]
    p.database.run(counts.submit, actor=AWA, **close)  # type: ignore[arg-type]
    with pytest.raises(SecondPersonNeeded):
        p.database.run(closing.close, actor=AWA, reason="seule", **close)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        p.database.run(closing.close, actor=MARC, reason="", **close)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        shelves.see(count, iccid(1))
    p.database.run(counts.reopen, count_id=count.id)
    shelves.see(count, iccid(1))
    assert shelves.close(count) == {}
    with pytest.raises(Conflict):
        p.database.run(counts.drop, reason="trop tard", actor=AWA, **close)  # type: ignore[arg-type]
    shelves.sound()


def test_a_dropped_count_books_nothing_and_a_lone_close_is_refused_by_the_database(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    count, p = shelves.count(), shelves.programme
    with pytest.raises(Exception, match=r"two_people|CHECK"), p.database.begin() as session:
        session.execute(
            text("UPDATE stock_count SET state = 'closed', submitted_by = 'staff:a', closed_by = 'staff:a'")
        )
    p.database.run(counts.drop, count_id=count.id, reason="interrompu", actor=AWA, now=p.now)
    assert shelves.states() == {"in_stock": 1}
    p.database.run(counts.open_count, count_id=new_id(), branch_id=NORTH, actor=AWA, now=p.now)
    shelves.sound()


def test_planted_a_movement_taken_for_a_loss_breaks_the_close(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelves.bring("sim", [1])
    count = shelves.count()
    shelves.send(1)
    monkeypatch.setattr(closing, "judge", lambda *_: Finding.MISSING)
    with pytest.raises(Conflict, match="changer d’état"):
        shelves.close(count)
    assert shelves.states() == {"in_transit": 1}


def test_planted_a_loss_that_is_not_booked_is_found(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    shelves.bring("sim", [1])
    count = shelves.count()
    monkeypatch.setattr("voucher_service.fulfilment.articles.closing.books.book_step", lambda *_a, **_k: None)
    shelves.close(count)
    rules = {finding.rule for finding in shelves.programme.findings()}
    assert "a stock-take has booked what it found missing or found back, signed by two people" in rules
