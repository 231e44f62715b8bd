"""The sandbox partner keeps its own book, and answers from it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations import build_providers
from integrations.sandbox import SandboxPartner, SandboxTimes
from voucher_service.fulfilment.providers import (
    Accepted,
    Delivered,
    ErrorClass,
    Mode,
    NotFound,
    Operator,
    Ref,
    Refused,
    Reversed,
    TopUp,
    Unknown,
)
from voucher_service.ids import new_id
from voucher_service.settings import Settings
from voucher_service.units import Unit

ROOT = Path(__file__).parents[2]
SHORT = SandboxTimes(
    short=timedelta(milliseconds=1), medium=timedelta(milliseconds=2), patience=timedelta(milliseconds=3)
)


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 11, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Noon in Paris."""
    return Clock()


@pytest.fixture
def partner(tmp_path: Path, clock: Clock) -> SandboxPartner:
    """A partner that answers within milliseconds."""
    return SandboxPartner(tmp_path / "new folder" / "sandbox-partner.db", times=SHORT, clock=clock)


def top_up(suffix: str) -> TopUp:
    """An order of 5 euros."""
    return TopUp(new_id(), f"+33612345{suffix}", "TOPUP5", 500, Unit.EUR_CENT)


def test_a_refused_number_is_told_by_class(partner: SandboxPartner) -> None:
    wanted = {
        "102": ("invalid_number", ErrorClass.BENEFICIARY),
        "203": ("number_barred", ErrorClass.BENEFICIARY),
        "104": ("operator_unavailable", ErrorClass.TRANSIENT_BEFORE_SEND),
        "105": ("reference_already_used", ErrorClass.DUPLICATE),
        "106": ("declined", ErrorClass.REFUSED_FINAL),
        "112": ("insufficient_balance", ErrorClass.PARTNER_PRECONDITION),
    }
    for suffix, (code, error_class) in wanted.items():
        assert partner.submit(top_up(suffix)) == Refused(code, error_class)


def test_any_other_number_is_delivered_at_once(partner: SandboxPartner) -> None:
    for suffix in ("000", "113", "199", "402", "999"):
        assert isinstance(partner.submit(top_up(suffix)), Delivered)


def test_a_receipt_comes_with_101(partner: SandboxPartner) -> None:
    answer = partner.submit(top_up("101"))
    assert answer == Delivered("SBX-00000001", 500, {"receipt": "R000001"})


def test_longer_than_the_client_waits_is_unknown_then_under_way_then_done(
    partner: SandboxPartner, clock: Clock
) -> None:
    order = top_up("300")
    assert partner.submit(order) == Unknown("timeout")
    assert isinstance(partner.query(Ref(order.reference)), Accepted)
    clock.at += timedelta(seconds=20)
    assert partner.query(Ref(order.reference)) == Delivered("SBX-00000001", 500)


def test_a_time_out_after_delivery_and_a_hang_up_raise(partner: SandboxPartner, clock: Clock) -> None:
    delivered, hung_up = top_up("108"), top_up("107")
    with pytest.raises(TimeoutError):
        partner.submit(delivered)
    with pytest.raises(ConnectionError):
        partner.submit(hung_up)
    clock.at += timedelta(seconds=1)
    assert isinstance(partner.query(Ref(delivered.reference)), Delivered)
    assert isinstance(partner.query(Ref(hung_up.reference)), NotFound)


def test_a_success_is_taken_back_later(partner: SandboxPartner, clock: Clock) -> None:
    order = top_up("109")
    assert isinstance(partner.submit(order), Delivered)
    clock.at += timedelta(seconds=1)
    assert isinstance(partner.query(Ref(order.reference)), Delivered)
    clock.at += timedelta(hours=2)
    assert isinstance(partner.query(Ref(order.reference)), Reversed)


def test_accepted_orders_end_one_way_or_the_other(partner: SandboxPartner, clock: Clock) -> None:
    good, bad = top_up("110"), top_up("111")
    assert isinstance(partner.submit(good), Accepted)
    assert isinstance(partner.submit(bad), Accepted)
    assert isinstance(partner.query(Ref(bad.reference)), Accepted)
    clock.at += timedelta(seconds=16)
    assert isinstance(partner.query(Ref(good.reference)), Delivered)
    assert partner.query(Ref(bad.reference)) == Refused("failed_on_operator", ErrorClass.REFUSED_FINAL)


def test_a_replayed_reference_is_refused_and_paid_once(partner: SandboxPartner) -> None:
    order = top_up("100")
    partner.submit(order)
    assert partner.submit(order) == Refused("reference_already_used", ErrorClass.DUPLICATE)
    assert len(partner.movements()) == 1


def test_a_careless_partner_pays_a_replay_again(tmp_path: Path) -> None:
    careless = SandboxPartner(tmp_path / "p.db", times=SHORT, enforces_reference=False)
    order = top_up("100")
    careless.submit(order)
    assert isinstance(careless.submit(order), Delivered)
    assert (len(careless.movements()), careless.capabilities.idempotent) == (2, False)


def test_its_book_keeps_three_digits_of_a_number(partner: SandboxPartner, tmp_path: Path) -> None:
    partner.submit(top_up("100"))
    assert [line.tail for line in partner.movements()] == ["100"]
    stored = b"".join(file.read_bytes() for file in (tmp_path / "new folder").iterdir())
    assert b"SBX" not in stored
    assert b"612345" not in stored


def test_two_processes_share_one_book(tmp_path: Path) -> None:
    order = new_id()
    script = (
        "import sys; from pathlib import Path; from uuid import UUID;"
        "from integrations.sandbox import SandboxPartner; from voucher_service.fulfilment.providers import TopUp;"
        "from voucher_service.units import Unit;"
        "print(type(SandboxPartner(Path(sys.argv[1])).submit("
        "TopUp(UUID(sys.argv[2]), '+33612345999', 'TOPUP5', 500, Unit.EUR_CENT))).__name__)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "p.db"), str(order)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in running)
    assert said == ["Delivered", "Refused", "Refused"]
    assert len(SandboxPartner(tmp_path / "p.db").movements()) == 1


def test_the_providers_of_a_deployment(tmp_path: Path) -> None:
    providers = build_providers(Settings(data_dir=tmp_path))
    assert {route: provider.capabilities.mode for route, provider in providers.items()} == {
        "sandbox": Mode.DIRECT,
        "code_stock": Mode.CODE,
        "sim_stock": Mode.SIM,
        "handset_stock": Mode.SIM,
        "seat_stock": Mode.SIM,
    }
    assert isinstance(providers["sandbox"], Operator)
    assert not isinstance(providers["code_stock"], Operator)
    assert list(tmp_path.iterdir()) == [], "nothing is written before the first order"
