"""What an operator counts for a line: whole cents, or the file is refused; it never changes what the line is."""

from __future__ import annotations

import pytest

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.columns import Columns
from voucher_service.reconciliation.reader.read import read

DAY = "10/03/2026 12:00"


def content(name: str, *costs: str, mark: str = "", total: str = "") -> bytes:
    head = f"référence client;montant eur;statut;date;{name}\n"
    lines = (f"{mark}A{n}{mark};10;{'OK' if n else 'KO'};{DAY};{said}\n" for n, said in enumerate(costs))
    return (head + "".join(lines) + total).encode()


@pytest.mark.parametrize("mark", ["", '"'])  # all at once, and one by one
def test_a_cost_is_whole_cents_and_may_be_missing(mark: str) -> None:
    found: list[Columns] = []
    parsed = read(content("Coût", "9,50", "1 234,56", "", "0", mark=mark), found.append)
    assert [line.cost for line in parsed.sample] == [950, 123_456, None, 0]
    assert parsed.cost == 123_456, "of what was delivered"
    assert [row[-1] for columns in found for row in columns.rows()] == [950, 123_456, None, 0]
    assert read(content("Coût centimes", "950", mark=mark)).sample[0].cost == 950
    assert read(content("Info", "950", mark=mark)).cost is None


def test_a_cost_that_cannot_be_read_exactly_refuses_the_file_and_a_totals_row_may_sum_it_up() -> None:
    for said, words in (("0,1234", "plus précis"), ("-5", "négatif"), ("gratuit", "n’est pas un nombre")):
        with pytest.raises(BadFile, match=words) as caught:
            read(content("Coût", "1", said))
        assert (caught.value.line, caught.value.column) == (3, "Coût")
    assert read(content("Coût", "9", "9", total="TOTAL;20;;;18,00\n")).format.is_proved
