"""Every adapter keeps the contract, and every check of the contract catches an adapter that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.article_stock import ArticleStock
from integrations.code_stock import CodeStock
from integrations.sandbox import SandboxPartner
from tests.integrations.cases import CASES
from tests.integrations.contract import CHECKS, NOW, Case, check_data
from tests.integrations.planted import PLANTED
from voucher_service.fulfilment.providers import Delivered, NotFound, Operator, Ref, TopUp
from voucher_service.ids import new_id
from voucher_service.units import Unit


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_it_keeps_the_contract(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


@pytest.mark.parametrize(("case", "check"), PLANTED, ids=lambda one: getattr(one, "name", ""))
def test_a_wrong_adapter_is_caught(case: Case, check: Callable[[Case], None]) -> None:
    with pytest.raises((AssertionError, TimeoutError)):
        check(case)


def test_every_check_can_fail() -> None:
    assert {check for _, check in PLANTED} == set(CHECKS)


def test_the_sandbox_keeps_what_applies_to_it(tmp_path: Path) -> None:
    """It raises on purpose, as a broken line would: the deliverer takes what escapes for Unknown."""
    partner = SandboxPartner(tmp_path / "p.db", clock=lambda: NOW)
    check_data(partner)
    order = TopUp(new_id(), "+33612345999", "TOPUP5", 500, Unit.EUR_CENT)
    assert isinstance(partner.query(Ref(order.reference)), NotFound)
    assert isinstance(partner.submit(order), Delivered)


def test_code_stock_keeps_what_applies_to_it() -> None:
    """Nobody is called: there is nothing to send and nothing to ask."""
    for stock in (CodeStock(), ArticleStock()):
        check_data(stock)
        assert not isinstance(stock, Operator)
