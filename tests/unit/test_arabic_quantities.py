"""Quantities as an Arabic reader expects them: Latin digits, words for units, the noun after its number."""

from __future__ import annotations

import pytest

from voucher_service.units import Unit, display


@pytest.mark.parametrize(
    ("quantity", "unit", "said"),
    [
        (500, Unit.EUR_CENT, "5 يورو"),
        (1250, Unit.EUR_CENT, "12,50 يورو"),
        (-5, Unit.EUR_CENT, "-0,05 يورو"),
        (500, Unit.MEGABYTE, "500 ميغابايت"),
        (1500, Unit.MEGABYTE, "1,5 جيغابايت"),
        (1, Unit.MINUTE, "1 دقيقة"),
        (3, Unit.MINUTE, "3 دقائق"),
        (11, Unit.MINUTE, "11 دقيقة"),
        (103, Unit.SMS, "103 رسائل قصيرة"),
        (2, Unit.PIECE, "2 قطعة"),
    ],
)
def test_a_quantity_in_arabic(quantity: int, unit: Unit, said: str) -> None:
    assert display(quantity, unit, "ar").replace("\u00a0", " ") == said
