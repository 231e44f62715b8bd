"""What a thief of the file finds, before and after a person is erased."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.people.test_identity import enter
from tests.world import NOW, World, give
from voucher_service.crypto import Place, SealBroken, Vault
from voucher_service.db import Database
from voucher_service.errors import Erased, NotFound
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import Transfer
from voucher_service.people.identity import (
    change_phone,
    confirm_phone,
    erase,
    find_by_phone,
    find_by_reference,
    reveal,
)
from voucher_service.people.lists import list_people
from voucher_service.people.models import Person, PersonKey

CANARIES = 50
YEAR = 1931


def name(number: int) -> str:
    """Return a name that stands nowhere else."""
    return f"Zéphyrine Canari{number:03d}"


def phone(number: int) -> str:
    """Return a number that stands nowhere else."""
    return f"+3361234{5600 + number}"


def traces(number: int) -> Iterator[bytes]:
    """Yield every way in which a canary could stand in clear."""
    digits = phone(number)[3:]
    national = f"0{digits}"
    pairs = [national[place : place + 2] for place in range(0, 10, 2)]
    written = [name(number), f"Canari{number:03d}", digits, " ".join(pairs), "\u202f".join(pairs), str(YEAR)]
    for form in written:
        yield form.encode()
        yield form.encode("utf-16-le")


def files(url: str) -> dict[str, bytes]:
    """Return what lies on disk: the database file and its write-ahead log."""
    path = Path(url.removeprefix("sqlite:///"))
    return {each.name: each.read_bytes() for each in path.parent.glob(f"{path.name}*")}


def found(url: str) -> set[bytes]:
    """Return the canaries that stand in clear in the files."""
    held = b"".join(files(url).values())
    return {trace for number in range(CANARIES) for trace in traces(number) if trace in held}


def checkpoint(database: Database) -> None:
    """Move everything from the write-ahead log into the file."""
    connection = database.engine.raw_connection()
    blocked = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    connection.close()
    assert blocked == 0


@pytest.fixture
def crowd(sqlite_url: str, vault: Vault) -> Iterator[tuple[Database, list[UUID]]]:
    """Fifty people in a SQLite file, each having gone through every function that touches a field."""
    database = Database(sqlite_url)
    people = []
    for number in range(CANARIES):
        with database.begin() as session:
            person = enter(session, vault, name=name(number), phone=phone(number), birth_year=YEAR)
            change_phone(session, vault, person.id, "0755550001")
            change_phone(session, vault, person.id, phone(number))
            confirm_phone(session, person.id, NOW)
            assert find_by_phone(session, vault, phone(number)) == [person]
            people.append(person.id)
    with database.read() as session:
        lines = list_people(session, limit=CANARIES, names=vault).lines
        assert len({line.identity.name for line in lines if line.identity}) == CANARIES
    yield database, people
    database.close()


def test_no_canary_stands_in_clear(sqlite_url: str, crowd: tuple[Database, list[UUID]]) -> None:
    database, _ = crowd
    assert any(name.endswith("-wal") and content for name, content in files(sqlite_url).items())
    assert found(sqlite_url) == set()
    checkpoint(database)
    assert found(sqlite_url) == set()


def test_a_planted_leak_is_found(sqlite_url: str, crowd: tuple[Database, list[UUID]]) -> None:
    database, people = crowd
    with database.begin() as session:
        leak = update(Person).where(Person.id == people[7]).values(name_sealed=name(7).encode())
        session.execute(leak)
    assert name(7).encode() in found(sqlite_url)


def wrapped_key(database: Database, person_id: UUID) -> bytes:
    """Return the person's wrapped key."""
    with database.read() as session:
        return session.get_one(PersonKey, person_id).wrapped_key


def test_an_erased_key_is_nowhere_in_the_file(sqlite_url: str, crowd: tuple[Database, list[UUID]]) -> None:
    database, people = crowd
    key = wrapped_key(database, people[20])
    checkpoint(database)
    assert any(key in content for content in files(sqlite_url).values())
    with database.begin() as session:
        erase(session, people[20], NOW)
    checkpoint(database)
    assert not any(key in content for content in files(sqlite_url).values())


def test_without_overwriting_the_key_would_linger(sqlite_url: str, crowd: tuple[Database, list[UUID]]) -> None:
    """The bug planted: secure_delete off."""
    database, people = crowd
    key = wrapped_key(database, people[20])
    with database.begin() as session:
        session.execute(text("PRAGMA secure_delete=OFF"))
        erase(session, people[20], NOW)
    checkpoint(database)
    assert any(key[4:] in content for content in files(sqlite_url).values())


def test_what_old_copies_still_say(
    sqlite_url: str, tmp_path: Path, vault: Vault, crowd: tuple[Database, list[UUID]]
) -> None:
    """As decision 10 says: a whole old copy opens with the master key; one without the keys never does."""
    database, people = crowd
    checkpoint(database)
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(sqlite_url.removeprefix("sqlite:///"), copy)
    with database.begin() as session:
        erase(session, people[3], NOW)
        newest = set(session.scalars(select(PersonKey.person_id)))
    old = Database(f"sqlite:///{copy}")
    with old.begin() as session:
        assert reveal(session, vault, people[3]).name == name(3)
        # Restoring: the books of the old copy, the keys of the newest backup.
        session.execute(delete(PersonKey).where(PersonKey.person_id.not_in(newest)))
    with old.begin() as session:
        assert reveal(session, vault, people[4]).name == name(4)
        with pytest.raises(Erased):
            reveal(session, vault, people[3])
        sealed = session.get_one(Person, people[3]).name_sealed
        assert sealed is not None
        with pytest.raises(SealBroken):
            vault.unseal(Place("person", "name", str(people[3])), sealed)
    old.close()


def test_erasing_leaves_the_books_and_the_reference(database: Database, vault: Vault, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world).id
        person = enter(session, vault, language="ti", branch_id=world.branches[0])
        reference, person_id = person.reference, person.id
        confirm_phone(session, person_id, NOW)
        before = balances(session, gift), session.scalars(select(Transfer.request_hash)).all()
    for _ in range(2):
        with database.begin() as session:
            erase(session, person_id, NOW)
    with database.begin() as session:
        assert (balances(session, gift), session.scalars(select(Transfer.request_hash)).all()) == before
        row = find_by_reference(session, reference)
        assert (row.id, row.erased_at, row.language, row.phone_confirmed_at) == (person_id, NOW, "fr", None)
        for touch in (
            lambda: reveal(session, vault, person_id),
            lambda: change_phone(session, vault, person_id, "0612345678"),
            lambda: confirm_phone(session, person_id, NOW),
        ):
            with pytest.raises(Erased) as raised:
                touch()
            assert (raised.value.code, raised.value.status) == ("person_erased", 404)
        assert find_by_phone(session, vault, "0612345678") == []
        assert list_people(session).lines == []
        with pytest.raises(NotFound):
            erase(session, world.partner_id, NOW)


def test_the_number_of_an_erased_person_is_free_again(database: Database, vault: Vault) -> None:
    with database.begin() as session:
        people = [enter(session, vault).id for _ in range(3)]
        erase(session, people[0], NOW)
        assert enter(session, vault).phone_slot == 1


def half_erase(database: Database, person_id: UUID) -> None:
    """Mark a person erased and forget to empty the fields."""
    with database.begin() as session:
        session.execute(update(Person).where(Person.id == person_id).values(erased_at=NOW))


def test_the_database_refuses_half_an_erasure(database: Database, vault: Vault) -> None:
    with database.begin() as session:
        person = enter(session, vault).id
    with pytest.raises(IntegrityError):
        half_erase(database, person)
