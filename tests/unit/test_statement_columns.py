"""Reading many rows at once means what reading them one by one means, at every hour and for every reference."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from voucher_service.errors import BadFile
from voucher_service.ids import new_id
from voucher_service.reconciliation.reader import columns
from voucher_service.reconciliation.reader import read as reading
from voucher_service.reconciliation.reader.header import Header
from voucher_service.reconciliation.reader.words import Scale

HEAD = "our ref;partner ref;serial;montant;unite;statut;date\n"
DAYS = ("29/03/2026", "25/10/2026", "2026-03-29", "2026-10-25", "01/07/2026")
CLOCKS = ("", " 00:00", " 01:59:59", " 02:30", " 03:00:00", " 23:59:59.5", " 02:30+01:00", " 02:30:00+05:30", " 14:05Z")
AMOUNTS = (("10,00", "EUR"), ("1 234,5", "€"), ("250", "Mo"), ("1,5", "Go"), ("0", "min"))


def line(random: Random) -> str:
    order = str(new_id())
    ours = random.choice([order, order.upper(), order.replace("-", ""), f"{order[:14]}9{order[15:]}", "a\\b", ""])
    amount, unit = random.choice(AMOUNTS)
    when = random.choice(DAYS) + random.choice(CLOCKS)
    serial, word = random.choice(["", "8933"]), random.choice(["OK", " KO "])
    return f"{ours};T{random.random()};{serial};{amount};{unit};{word};{when}\n"


def told(content: bytes) -> tuple[list[tuple[object, ...]], str]:
    """The rows the file gives, and the words of its fault."""
    rows: list[tuple[object, ...]] = []
    try:
        reading.read(content, lambda found: rows.extend(found.rows()))
    except BadFile as fault:
        return [], str(fault)
    return rows, ""


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(header: Header, starts: Sequence[int], cells: Sequence[list[str]]) -> tuple[columns.Columns, set[Scale]]:
        raise columns.NotPlainError

    monkeypatch.setattr(reading, "convert", refuse)


def files() -> list[bytes]:
    random = Random(11)
    return [(HEAD + "".join(line(random) for _ in range(random.randrange(1, 6)))).encode() for _ in range(400)]


def test_many_at_once_means_what_one_by_one_means(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = files()
    quick = [told(content) for content in contents]
    one_by_one(monkeypatch)
    assert quick == [told(content) for content in contents]
    assert sum(bool(rows) for rows, _ in quick) > 100
    assert sum(bool(fault) for _, fault in quick) > 20  # an hour that does not exist


def test_an_hour_read_without_its_zone_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = columns._hour
    monkeypatch.setattr(columns, "_hour", lambda head, _zone: whole(head, ""))
    contents = files()
    quick = [told(content) for content in contents]
    one_by_one(monkeypatch)
    assert quick != [told(content) for content in contents]


def test_rows_are_read_at_once_wherever_they_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read one by one")

    monkeypatch.setattr(reading._Reading, "_take", refuse)
    plain = HEAD + f"{new_id()};T1;;10,00;EUR;OK;01/07/2026 12:00:00\n" * 3
    assert reading.read(plain.encode()).count == 3
