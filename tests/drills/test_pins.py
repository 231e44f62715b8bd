"""The search for PINs finds what it is for, in every form a store may keep text in."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.drills.pins import folder_bytes, found_in
from tests.flows.delivery.lots import pin

PINS = {pin(number) for number in range(50)}


@pytest.mark.parametrize("form", ["utf-8", "utf-16-le", "hex"])
def test_a_planted_pin_is_found(form: str) -> None:
    word = pin(7)
    stored = word.encode().hex().encode() if form == "hex" else word.encode(form)
    assert found_in(b"\x00\xffbefore" + stored + b"after", PINS) == {word}
    assert found_in(b"\x00\xffbeforeafter", PINS) == set()


def test_a_pin_in_a_database_file_or_its_log_is_found(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "planted.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE word (word TEXT)")
    connection.execute("INSERT INTO word VALUES (?)", (pin(9),))
    connection.commit()
    try:
        assert (tmp_path / "planted.db-wal").exists()
        assert found_in(folder_bytes(tmp_path), PINS) == {pin(9)}
    finally:
        connection.close()


def test_a_number_that_is_no_pin_of_the_lot_is_no_alarm() -> None:
    assert found_in(b"PIN-12345678-999999", PINS) == set()
