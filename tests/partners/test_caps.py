"""The cap over days, the cycle, and the sentences that say when the next voucher is possible."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from voucher_service.partners.caps import Entitlement, check_cap, cycle_end
from voucher_service.partners.models import CampaignPolicy, DrawDown

START = date(2030, 1, 10)


def rules(cap: int = 3_000, days: int = 30, months: int = 6, renewals: int = 1) -> CampaignPolicy:
    """Return the rules of a campaign."""
    return CampaignPolicy(
        campaign_id=uuid4(),
        effective_from=START,
        cap_cents=cap,
        cap_days=days,
        cycle_months=months,
        renewals=renewals,
        draw_down=DrawDown.PRIORITY.value,
        next_visit_days=30,
        questions=[],
    )


def given_on(day: date, cents: int) -> Entitlement:
    """Return a voucher issued at noon of `day`."""
    return Entitlement(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), cents)


def days(number: int) -> date:
    """Return the day `number` days after the start."""
    return START + timedelta(days=number)


def test_the_first_voucher_passes_up_to_the_cap() -> None:
    assert check_cap([], face_value_cents=3_000, policy=rules(), day=START) is None


def test_the_cap_reached_says_when_and_what_is_left() -> None:
    history = [given_on(days(0), 1_000), given_on(days(10), 1_500)]
    refusal = check_cap(history, face_value_cents=1_000, policy=rules(), day=days(12))
    assert refusal is not None
    assert (refusal.code, refusal.next_on) == ("cap_reached", days(30))
    assert refusal.message == (
        "Cette personne a déjà reçu 25\xa0€ sur 30 jours ; le plafond est de 30\xa0€. "
        "Un tel bon sera possible le 09/02/2030 ou une offre de 5\xa0€ au plus dès maintenant."
    )
    assert check_cap(history, face_value_cents=500, policy=rules(), day=days(12)) is None
    assert check_cap(history, face_value_cents=1_000, policy=rules(), day=days(29)) is not None
    assert check_cap(history, face_value_cents=1_000, policy=rules(), day=days(30)) is None


def test_a_voucher_above_the_cap_will_never_do() -> None:
    refusal = check_cap([], face_value_cents=3_001, policy=rules(), day=START)
    assert refusal is not None
    assert (refusal.code, refusal.next_on) == ("above_cap", None)
    assert "offre plus petite" in refusal.message


def test_the_cycle_ends_after_its_renewals() -> None:
    history = [given_on(days(0), 1_000)]
    assert cycle_end(history, rules(months=6, renewals=1)) == date(2031, 1, 9)
    assert cycle_end(history, rules(months=9, renewals=0)) == date(2030, 10, 9)
    assert check_cap(history, face_value_cents=1_000, policy=rules(), day=date(2031, 1, 9)) is None
    refusal = check_cap(history, face_value_cents=1_000, policy=rules(), day=date(2031, 1, 10))
    assert refusal is not None
    assert refusal.code == "cycle_ended"
    assert "09/01/2031" in refusal.message


def test_a_month_without_that_day_ends_on_its_last() -> None:
    history = [given_on(date(2030, 8, 31), 1_000)]
    assert cycle_end(history, rules(months=6, renewals=0)) == date(2031, 2, 27)


def test_the_day_is_that_of_the_branch_not_of_utc() -> None:
    late = [Entitlement(datetime(2030, 1, 9, 23, 30, tzinfo=UTC), 3_000)]  # the 10th in Paris
    refusal = check_cap(late, face_value_cents=1, policy=rules(), day=days(29))
    assert refusal is not None
    assert refusal.next_on == days(30)


def test_no_day_is_promised_beyond_the_cycle() -> None:
    history = [given_on(days(0), 100), given_on(days(29), 3_000)]
    refusal = check_cap(history, face_value_cents=1_000, policy=rules(months=1, renewals=0), day=days(30))
    assert refusal is not None
    assert (refusal.code, refusal.next_on) == ("cap_reached", None)
    assert "coordination" in refusal.message


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 2_000)), max_size=12),
    st.integers(0, 4_000),
    st.integers(0, 120),
    st.integers(1, 60),
)
def test_no_window_ever_passes_the_cap_and_the_promised_day_is_the_first(
    gifts: list[tuple[int, int]], asked: int, today: int, window: int
) -> None:
    policy = rules(days=window, months=12, renewals=9)
    history: list[Entitlement] = []
    for number, cents in sorted(gifts):
        if number <= today and check_cap(history, face_value_cents=cents, policy=policy, day=days(number)) is None:
            history.append(given_on(days(number), cents))
    for first in range(today + 1):
        inside = [h.face_value_cents for h in history if days(first) <= h.issued_at.date() < days(first + window)]
        assert sum(inside) <= policy.cap_cents
    refusal = check_cap(history, face_value_cents=asked, policy=policy, day=days(today))
    if refusal is not None and refusal.next_on is not None:
        waiting = [days(n) for n in range(today, today + window + 1)]
        possible = [d for d in waiting if check_cap(history, face_value_cents=asked, policy=policy, day=d) is None]
        assert possible[0] == refusal.next_on
