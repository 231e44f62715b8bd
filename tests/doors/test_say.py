"""Days and quantities as people of each language say them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask_babel import force_locale

from voucher_service.units import Unit, display
from voucher_service.web.say import say_day, say_moment, say_quantity


@pytest.mark.parametrize(
    ("day", "form", "french", "english"),
    [
        (date(2026, 11, 1), "long", "1er novembre 2026", "1 November 2026"),
        (date(2026, 11, 1), "d MMMM", "1er novembre", "1 November"),
        (date(2026, 8, 1), "medium", "1er août 2026", "1 Aug 2026"),
        (date(2026, 11, 11), "long", "11 novembre 2026", "11 November 2026"),
        (date(2026, 11, 1), "dd/MM/y", "01/11/2026", "01/11/2026"),
        (date(2026, 11, 1), "MMMM y", "novembre 2026", "November 2026"),
    ],
)
def test_the_first_of_a_month_is_said_as_people_say_it(
    app: Flask, day: date, form: str, french: str, english: str
) -> None:
    with app.test_request_context():
        with force_locale("fr"):
            assert say_day(day, form) == french
        with force_locale("en"):
            assert say_day(day, form) == english


def test_a_moment_is_said_at_the_time_of_the_branches(app: Flask) -> None:
    at = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    with app.test_request_context(), force_locale("fr"):
        assert say_moment(at, "d MMMM y 'à' H 'h' mm") == "1er novembre 2026 à 0 h 30"
        assert say_quantity(1250, "eur_cent") == "12,50\xa0€"


@pytest.mark.parametrize(
    ("quantity", "unit", "words"),
    [
        (1250, Unit.EUR_CENT, "€12.50"),
        (-123_400, Unit.EUR_CENT, "-€1,234"),
        (1500, Unit.MEGABYTE, "1.5\xa0GB"),
        (2000, Unit.MEGABYTE, "2\xa0GB"),
        (1550, Unit.MEGABYTE, "1,550\xa0MB"),
        (1, Unit.PIECE, "1\xa0piece"),
        (0, Unit.PIECE, "0\xa0pieces"),
        (2, Unit.SMS, "2\xa0texts"),
        (12_000, Unit.MINUTE, "12,000\xa0min"),
    ],
)
def test_quantities_in_english(quantity: int, unit: Unit, words: str) -> None:
    assert display(quantity, unit, "en") == words
