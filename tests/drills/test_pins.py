"""The search for PINs finds what it is for, in every form a store may keep text in."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.drills.pins import folder_bytes
from tests.drills.secret_texts import RECIPIENT, bought, card_number, card_pin, card_puk, found_in, secrets
from tests.flows.delivery.lots import pin

PINS = {pin(number) for number in range(50)}
ALL = set().union(*secrets(50, 50, 5).values())


@pytest.mark.parametrize("form", ["utf-8", "utf-16-le", "hex"])
@pytest.mark.parametrize("word", [pin(7), card_pin(7), card_puk(49), card_number(7), RECIPIENT, bought(4)])
def test_a_planted_secret_is_found(form: str, word: str) -> None:
    stored = word.encode().hex().encode() if form == "hex" else word.encode(form)
    assert found_in(b"\x00\xffbefore" + stored + b"\xffafter", ALL) == {word[-9:] if len(word) in {10, 12} else word}
    assert found_in(b"\x00\xffbefore\xffafter", ALL) == set()


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
    assert found_in(b"PIN-12345678-999999", ALL) == set()
    assert found_in(f"1{card_pin(7)} {card_puk(7)}1".encode(), ALL) == set(), "part of a longer number"
