"""A statement that quotes the reference an order got after a reversal still means that order."""

from __future__ import annotations

import pytest
from sqlalchemy import literal, select

from voucher_service.db import Database
from voucher_service.fulfilment.decide import reference
from voucher_service.ids import new_id
from voucher_service.reconciliation.match import order_id_named


@pytest.mark.parametrize("generation", [0, 1, 3, 8])
def test_every_reference_of_an_order_names_it(database: Database, generation: int) -> None:
    order_id = new_id()
    with database.read() as session:
        named = session.scalar(select(order_id_named(literal(str(reference(order_id, generation))))))
    assert named == order_id


@pytest.mark.parametrize("text", ["", "P-1", "01a21036ec037f32be512b6c3cd7fbe7", "01a21036-ec03-7f32"])
def test_what_spells_no_order_names_none(database: Database, text: str) -> None:
    with database.read() as session:
        assert session.scalar(select(order_id_named(literal(text)))) is None
