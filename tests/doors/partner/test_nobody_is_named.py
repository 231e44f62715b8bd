"""A partner sees counts, serials and dates: no page, export or sample statement tells who a person is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.desk import Desk
from tests.doors.partner.test_partner import upload_and_confirm
from voucher_service.ids import local_day
from voucher_service.people import identity
from voucher_service.people.models import Person
from voucher_service.reconciliation.models import Break
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.staff.models import Role
from voucher_service.vouchers.models import SigningKey

NAME, NATIONAL = "Zénobie Quatrefages", "0612349106"  # the sandbox refuses it: the order goes back and forth


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()


def marks_of(desk: Desk) -> set[str]:
    """Redeem two vouchers of one person; return everything that would tell who it is."""
    programme = desk.programme
    with programme.database.begin() as session:
        # Ten digits: one of four could stand in any hash by chance.
        session.execute(update(SigningKey).values(next_serial=3_000_000_000))
    person: UUID = programme.database.run(
        identity.register, programme.vault, name=NAME, phone=NATIONAL, birth_year=1990, language="fr", branch_id=1,
        now=programme.now,
    ).id  # fmt: skip
    marks = {NAME, *NAME.split(), str(person), person.hex, NATIONAL, NATIONAL[1:], "+33" + NATIONAL[1:]}
    marks |= {" ".join(NATIONAL[i : i + 2] for i in range(0, 10, 2)), programme.member(Role.COUNTER).name}
    for number in ("+33" + NATIONAL[1:], "+33612349100"):
        voucher = programme.issue(person_id=person)
        typed = programme.typed(voucher)
        programme.scan(programme.digits(voucher), number=number)
        marks |= {typed, str(voucher.id), voucher.id.hex, str(voucher.serial), number, "0" + number[3:]}
    with programme.database.read() as session:
        marks.add(session.get_one(Person, person).reference)
    desk.deliver()
    return marks


def pages(desk: Desk, content: bytes) -> dict[str, str]:
    """Every page of the door, and the export, over a statement that agrees nowhere and leaves one order out."""
    client, partner = desk.client(Role.PARTNER).http, desk.programme.partner_id
    shown, done = upload_and_confirm(client, partner, content)
    paths = (f"/partner/{partner}/", f"/partner/{partner}/upload", *(done + end for end in ("", "/lines")))
    with desk.programme.database.read() as session:
        breaks = [f"/partner/{partner}/breaks/{one}" for one in session.scalars(select(Break.id))]
    paths = (*paths, f"/partner/{partner}/breaks/", *breaks)
    found = {path: client.get(path) for path in (*paths, f"{done}/differences.csv")}
    assert {answer.status_code for answer in found.values()} == {200}
    return {"preview": shown} | {path: answer.text for path, answer in found.items()}


def leaks(marks: set[str], texts: dict[str, str]) -> list[tuple[str, str]]:
    """Where something that tells who a person is stands."""
    return [(where, mark) for where, text in texts.items() for mark in marks if mark.lower() in text.lower()]


def test_nothing_a_partner_gets_tells_who_a_person_is(desk: Desk) -> None:
    marks, day = marks_of(desk), local_day(desk.programme.now)
    with desk.programme.database.read() as session:
        sample = make_statement_csv(session, desk.programme.partner_id, day, day)
    assert sample.count(b"\r\n") == 4
    # Without the column of line numbers and the total: one amount differs, one top-up is unknown to us.
    head, first, _second = [row.partition(";")[2] for row in sample.decode("utf-8-sig").splitlines()[:-1]]
    stranger = f"inconnue;;;5,00;EUR;Livré;{first.rpartition(';')[2]}"
    texts = pages(desk, "\n".join([head, first.replace(";5,00;", ";9,00;"), stranger]).encode())
    (result,) = (text for path, text in texts.items() if path.count("/") == 4 and "/statements/" in path)
    assert result.count("<article") >= 2
    assert leaks(marks, texts | {"sample": sample.decode()}) == []


def test_planted_a_name_in_a_note_is_seen(desk: Desk) -> None:
    marks, day = marks_of(desk), local_day(desk.programme.now)
    content = f"our ref;montant eur;status;date\nx de {NAME};5;OK;{day:%d/%m/%Y} 12:00\n".encode()
    assert {where.rpartition("/")[2] for where, _ in leaks(marks, pages(desk, content))} >= {"lines", "differences.csv"}
