"""The typed code: check digits that find slips, forgiving input, keyed derivation and look-up."""

from __future__ import annotations

import random
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_service.vouchers import typed_code

SECRET = bytes(range(32))
VOUCHER = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
drawn_digits = st.text("0123456789", min_size=14, max_size=14)


def test_a_code_is_pinned_to_its_voucher() -> None:
    """Golden values: printed codes must keep opening their voucher after an upgrade."""
    assert typed_code.derive(SECRET, VOUCHER) == "2849111032027028"
    assert typed_code.derive(SECRET, VOUCHER, attempt=1) == "4899133694021142"
    assert typed_code.derive(SECRET[::-1], VOUCHER) == "7021947199933490"


@given(voucher_id=st.uuids(), attempt=st.integers(0, 3))
def test_every_derived_code_passes_its_check(voucher_id: UUID, attempt: int) -> None:
    derived = typed_code.derive(SECRET, voucher_id, attempt=attempt)
    assert len(derived) == 16
    assert typed_code.check(derived) == derived


def test_derived_codes_spread_evenly() -> None:
    """Each tenth of the range is met as often, within five standard deviations; no remainder's bias."""
    firsts = [0] * 10
    for number in range(5000):
        firsts[int(typed_code.derive(SECRET, UUID(int=number))[0])] += 1
    assert all(abs(count - 500) < 5 * (5000 * 0.09) ** 0.5 for count in firsts)


@given(drawn=drawn_digits)
def test_all_single_substitutions_are_found(drawn: str) -> None:
    good = typed_code.with_check(drawn)
    for at in range(16):
        for digit in set("0123456789") - {good[at]}:
            assert typed_code.check(good[:at] + digit + good[at + 1 :]) is None


@given(drawn=drawn_digits)
def test_all_adjacent_transpositions_are_found(drawn: str) -> None:
    good = typed_code.with_check(drawn)
    for at in range(15):
        if good[at] != good[at + 1]:
            assert typed_code.check(good[:at] + good[at + 1] + good[at] + good[at + 2 :]) is None


def share_of_double_slips_found(check: Callable[[str], object], make: Callable[[str], str]) -> float:
    """The share of codes with two wrong digits, out of 20,000, for which `check` gives nothing."""
    chance = random.Random(97)
    found = 0
    for _ in range(20_000):
        digits = list(make(f"{chance.randrange(10**14):014d}"))
        for at in chance.sample(range(16), 2):
            digits[at] = chance.choice([digit for digit in "0123456789" if digit != digits[at]])
        found += not check("".join(digits))
    return found / 20_000


def test_double_slips_are_found_at_985_in_a_thousand() -> None:
    assert share_of_double_slips_found(typed_code.check, typed_code.with_check) >= 0.985


def test_a_weaker_check_would_fall_short() -> None:
    """Planted bug: two digits that only sum the others up pass too many double slips and every swap."""

    def summed(drawn: str) -> str:
        return f"{drawn}{sum(map(int, drawn)) % 97:02d}"

    def check(code: str) -> bool:
        return summed(code[:14]) == code

    assert check(summed("31415926535897"))
    assert share_of_double_slips_found(check, summed) < 0.985


def test_check_digits_of_the_standard() -> None:
    """ISO/IEC 7064 MOD 97-10: the number with its check digits leaves 1."""
    assert typed_code.with_check("00000000000000") == "0000000000000098"
    assert typed_code.with_check("00000000000794") == "0000000000079444"
    assert int(typed_code.with_check("98765432109876")) % 97 == 1


@pytest.mark.parametrize(
    "text",
    [
        "0000 0000 0007 9444",
        " 0000-0000-0007-9444\n",
        "0000.0000.0007.9444",
        "0000\u202f0000\u00a00007\u20119444",
        "\u200f٠٠٠٠ ٠٠٠٠ ٠٠٠٧ ٩٤٤٤",
        "۰۰۰۰ ۰۰۰۰ ۰۰۰۷ ۹۴۴۴",
        "".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in "0000000000079444"),
    ],
    ids=["spaces", "dashes", "dots", "narrow spaces", "Arabic-Indic", "Persian", "full width"],
)
def test_what_people_type_is_understood(text: str) -> None:
    assert typed_code.check(text) == "0000000000079444"


@pytest.mark.parametrize(
    "text",
    [
        *("", "bonjour", "000000000007944", "00000000000794440", "0000 0000 0007 944O", "²" * 16, " " * 100),
        *("0000000000000001", "-0000000000079444x", "0000000000000099", "0000000000009700"),
    ],
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert typed_code.check(text) is None


def test_a_code_is_printed_four_by_four() -> None:
    assert typed_code.grouped("0123456789012345") == "0123 4567 8901 2345"


def test_the_look_up_hash_needs_the_pepper() -> None:
    code = typed_code.with_check("12345678901234")
    assert len(typed_code.lookup_hash(SECRET, code)) == 32
    assert typed_code.lookup_hash(SECRET, code) == typed_code.lookup_hash(SECRET, code)
    assert typed_code.lookup_hash(SECRET, code) != typed_code.lookup_hash(SECRET[::-1], code)
    assert typed_code.lookup_hash(SECRET, code) != typed_code.lookup_hash(SECRET, "0000000000079444")


def test_secrets_and_codes_are_checked() -> None:
    with pytest.raises(ValueError, match="secret must have at least 16 bytes, not 0"):
        typed_code.derive(b"", VOUCHER)
    with pytest.raises(ValueError, match="pepper must have at least 16 bytes"):
        typed_code.lookup_hash(b"short", "0000000000079444")
    with pytest.raises(ValueError, match="pass the text through check"):
        typed_code.lookup_hash(SECRET, "0000 0000 0007 9444")
