"""A statement that quotes the reference an order got after a reversal still means that order."""

from __future__ import annotations

import pytest

from voucher_service.fulfilment.decide import reference
from voucher_service.ids import new_id
from voucher_service.reconciliation.reader.values import named_order


@pytest.mark.parametrize("generation", [0, 1, 3, 8])
def test_every_reference_of_an_order_names_it(generation: int) -> None:
    order_id = new_id()
    assert named_order(str(reference(order_id, generation))) == str(order_id)


@pytest.mark.parametrize("text", ["", "P-1", "01a21036ec037f32be512b6c3cd7fbe7", "01a21036-ec03-7f32"])
def test_what_spells_no_order_names_none(text: str) -> None:
    assert named_order(text) is None
