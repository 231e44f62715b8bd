"""A line of the paper log becomes one redemption at its own time, or a conflict with both facts; never two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tests.desk import Desk
from tests.flows.test_undo import take_back
from tests.paper.pack import NUMBER, Pack
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.ledger.audit_paper import PAPER_RULES
from voucher_service.ledger.models import Transfer
from voucher_service.staff.models import Role
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.follow_up import read_note
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.offline import closing
from voucher_service.visits.paper import keying, packs
from voucher_service.visits.paper.models import PaperLine
from voucher_service.vouchers import life


def count(desk: Desk, table: type[Any]) -> int:
    """How many rows there are."""
    with desk.programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_line_is_a_redemption_at_the_time_on_the_paper(desk: Desk) -> None:
    pack, programme = Pack.made(desk), desk.programme
    voucher = programme.issue()
    written = pack.written(voucher)
    done = pack.key(written)
    assert (done.row.status, done.known, done.row.initials) == ("confirmed", False, "AB")
    with programme.database.read() as session:
        visit = session.get_one(Visit, done.visit_id)
        note = read_note(programme.vault, visit)
        order = session.get_one(Order, done.order_id)
        price = session.scalars(select(Transfer).where(Transfer.reason == "price_paid")).one()
    assert (visit.occurred_at, visit.recorded_at) == (written.handed_at, programme.now)
    assert (visit.paid_cents, price.quantity, note) == (200, 200, "une carte SIM")
    assert (order.number_tail, done.row.content_sealed) == (NUMBER[-2:], None)
    assert programme.deliver() == 1
    assert programme.findings() == []


def test_the_same_line_again_changes_nothing_and_says_so(desk: Desk) -> None:
    pack = Pack.made(desk)
    written = pack.written(desk.programme.issue())
    first = pack.key(written)
    desk.programme.later(minutes=5)
    again = pack.key(written, by=Role.COORDINATOR)
    assert (again.known, again.differs, again.row.id) == (True, False, first.row.id)
    other = pack.key(pack.written(written.code, paid_cents=0, handed_at=written.handed_at))
    assert (other.known, other.differs) == (True, True)
    with pytest.raises(BadInput, match="autre bon") as told:
        pack.key(pack.written(desk.programme.issue()))
    assert (told.value.field, told.value.code) == ("line", "line_taken")
    assert [count(desk, table) for table in (PaperLine, Scan, Visit, Order)] == [1, 1, 1, 1]
    assert desk.programme.findings() == []


def test_the_same_line_by_two_people_at_once_is_one_redemption(desk: Desk) -> None:
    pack = Pack.made(desk)
    for line in range(1, 9):
        written, start = pack.written(desk.programme.issue(), line), Barrier(2)

        def key(by: Role, written: keying.Written = written, start: Barrier = start) -> keying.Keyed:
            start.wait()
            return pack.key(written, by=by)

        with ThreadPoolExecutor(2) as both:
            done = list(both.map(key, (Role.COUNTER, Role.COORDINATOR)))
        assert sorted(one.known for one in done) == [False, True]
        assert done[0].row.id == done[1].row.id
    assert [count(desk, table) for table in (PaperLine, Scan, Visit, Order)] == [8, 8, 8, 8]
    assert desk.programme.findings() == []


def test_a_line_undone_is_keyed_in_under_a_free_one(desk: Desk) -> None:
    pack, programme = Pack.made(desk), desk.programme
    voucher = programme.issue()
    first = pack.key(pack.written(voucher))
    take_back(programme, first.row.scan_id)
    with pytest.raises(BadInput) as told:
        pack.key(pack.written(voucher, paid_cents=100))
    assert (told.value.field, told.value.code) == ("line", "line_undone")
    assert pack.key(pack.written(voucher, 12, paid_cents=100)).row.status == "confirmed"
    assert programme.findings() == []


def test_the_database_itself_refuses_a_line_twice(desk: Desk) -> None:
    pack = Pack.made(desk)
    pack.key(pack.written(desk.programme.issue()))
    other = pack.key(pack.written(desk.programme.issue(), 2))
    with pytest.raises(IntegrityError), desk.programme.database.begin() as session:
        session.execute(
            text("UPDATE paper_line SET line = 1 WHERE id = :id"),
            {"id": other.row.id.hex if desk.programme.database.is_sqlite else other.row.id},
        )


def test_a_voucher_used_meanwhile_is_a_conflict_with_both_facts(desk: Desk) -> None:
    pack, programme = Pack.made(desk), desk.programme
    voucher = programme.issue()
    programme.scan(programme.digits(voucher))
    done = pack.key(pack.written(voucher))
    assert (done.row.status, done.row.reason, done.order_id) == ("conflict", "used", None)
    assert done.row.detail["branch"] == "Antenne Nord"
    assert done.row.detail["at"] == programme.now.isoformat()
    kept = keying.read_kept(programme.vault, done.row)
    assert kept == {"number": NUMBER, "paid_cents": 200, "handed": "une carte SIM", "next_visit_on": None}
    assert pack.key(pack.written(voucher)).known, "the same line again is no second conflict"
    assert (count(desk, Order), programme.findings()) == (1, [])
    runner, login = desk.app.test_cli_runner(), desk.login(Role.COORDINATOR)
    listed = runner.invoke(args=["devices", "conflicts"]).output
    assert str(done.row.id) in listed
    assert f"paper {pack.row.number}-1-1" in listed
    settle = ["devices", "settle", str(done.row.id), "--note", "nouveau bon remis", "--as", login]
    assert [runner.invoke(args=settle).exit_code for _ in range(2)] == [0, 1]
    with programme.database.read() as session:
        row = session.get_one(PaperLine, done.row.id)
        assert closing.waiting_on_paper(session) == []
    assert (row.closing_note, row.content_sealed, row.wrapped_key) == ("nouveau bon remis", None, None)
    assert programme.findings() == []


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_a_voucher_that_ended_is_a_conflict_too(desk: Desk, ending: str) -> None:
    pack, programme = Pack.made(desk), desk.programme
    voucher = programme.issue()
    if ending == "cancelled":
        programme.database.run(life.cancel, voucher.id, reason="perdu", actor="staff:test", now=programme.now)
        done = pack.key(pack.written(voucher))
    else:
        at = programme.now
        programme.later(days=(voucher.last_day - at.date()).days + 1)
        recent = Pack.made(desk)
        done = recent.key(recent.written(voucher))
    assert (done.row.status, done.row.reason) == ("conflict", ending)
    assert programme.findings() == []


def test_the_last_day_is_judged_by_the_time_on_the_paper(desk: Desk) -> None:
    programme = desk.programme
    voucher = programme.issue()
    programme.later(days=(voucher.last_day - programme.now.date()).days)
    pack = Pack.made(desk)
    handed = programme.now - timedelta(minutes=30)
    programme.later(days=2)
    assert pack.key(pack.written(voucher, handed_at=handed)).row.status == "confirmed"
    assert programme.findings() == []


def test_what_is_wrong_is_named_and_nothing_is_recorded(desk: Desk) -> None:
    pack, programme = Pack.made(desk), desk.programme
    voucher = programme.issue()
    typed = programme.typed(voucher)
    mistyped = typed[:-1] + str((int(typed[-1]) + 1) % 10)
    now = programme.now
    wrong: dict[str, dict[str, Any]] = {
        "code": {"code": mistyped},
        "number": {"number": None},
        "paid_cents": {"paid_cents": 100_000},
        "time": {"handed_at": now + timedelta(minutes=1)},
        "day": {"handed_at": now - timedelta(days=1)},
        "page": {"page": 3},
        "line": {"line": 13},
        "initials": {"initials": " "},
        "next_visit_on": {"next_visit_on": now.date() - timedelta(days=1)},
        "handed": {"handed": "x" * 101},
    }
    for field, changes in wrong.items():
        with pytest.raises(BadInput) as told:
            pack.key(pack.written(voucher, **changes))
        assert told.value.field == field
    with pytest.raises(NotFound):
        pack.key(pack.written(voucher, number_of_pack=99))
    assert [count(desk, table) for table in (PaperLine, Scan, Visit, Order)] == [0, 0, 0, 0]
    assert programme.findings() == []


def test_erasing_the_person_empties_the_line_and_the_books_stand(desk: Desk) -> None:
    programme, person = desk.programme, desk.person(None)
    pack = Pack.made(desk)
    voucher = programme.issue(person_id=person)
    programme.scan(programme.digits(voucher))
    programme.deliver()
    done = pack.key(pack.written(voucher))
    assert done.row.content_sealed is not None
    programme.database.run(erase_person, person, now=programme.now)
    with programme.database.read() as session:
        row = session.get_one(PaperLine, done.row.id)
        assert (row.wrapped_key, row.content_sealed, row.reason) == (None, None, "used")
        assert keying.read_kept(programme.vault, row) == {}
    assert programme.findings() == []


FAULTS = [
    (PAPER_RULES[0][0], "UPDATE paper_line SET staff_id = :stranger WHERE id = :first", "first"),
    (PAPER_RULES[0][0], "UPDATE emergency_pack SET branch_id = 2", "first"),
    (PAPER_RULES[1][0], "UPDATE paper_line SET reason = 'expired' WHERE id = :conflict", "conflict"),
    (PAPER_RULES[2][0], "UPDATE paper_line SET content_sealed = NULL WHERE id = :conflict", "conflict"),
]


@pytest.mark.parametrize(("rule", "sql", "row"), FAULTS)
def test_each_planted_fault_is_found_and_its_row_named(desk: Desk, rule: str, sql: str, row: str) -> None:
    pack, programme = Pack.made(desk), desk.programme
    used = programme.issue()
    programme.scan(programme.digits(used))
    rows = {
        "first": pack.key(pack.written(programme.issue())).row.id,
        "conflict": pack.key(pack.written(used, 2)).row.id,
        "stranger": programme.member(Role.VOLUNTEER).id,
    }
    assert programme.findings() == []
    named = {
        name: value.hex if programme.database.is_sqlite else value for name, value in rows.items() if f":{name}" in sql
    }
    with programme.database.begin() as session:
        session.execute(text(sql), named)
    assert rows[row].hex in {one.row.replace("-", "") for one in programme.findings() if one.rule == rule}


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _, _ in FAULTS} == {rule for rule, _ in PAPER_RULES}


def test_a_pack_is_made_once_and_not_printed_after_use(desk: Desk) -> None:
    programme, key = desk.programme, new_id()
    made = [
        programme.database.run(
            packs.make_pack, pack_id=key, branch_id=1, pages=3, actor="staff:test", now=programme.now
        )
        for _ in range(2)
    ]
    assert made[0].number == made[1].number == 1
    pack = Pack.made(desk)
    assert pack.row.number == 2
    with programme.database.read() as session:
        content = packs.to_print(session, programme.ring, 2, now=programme.now)
    assert [(one.name, one.status) for one in content.keys] == [("1-1", "active")]
    pack.key(pack.written(programme.issue()))
    with programme.database.read() as session, pytest.raises(Conflict) as told:
        packs.to_print(session, programme.ring, 2, now=programme.now)
    assert told.value.code == "pack_in_use"
    with programme.database.read() as session:
        assert packs.next_place(session, pack.row, 1, 1) == (1, 2)
        assert packs.next_place(session, pack.row, 2, 12) == (2, 12)
