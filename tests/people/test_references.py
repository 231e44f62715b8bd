"""References and telephone numbers: what people type, mistype and say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_service.errors import BadInput
from voucher_service.people.phones import masked, pairs, read_mobile, tail
from voucher_service.people.references import ALPHABET, new_reference, read_reference

places = st.integers(0, 7)


def compact(reference: str) -> list[str]:
    """Return the eight characters."""
    return list(reference.replace("-", ""))


def test_a_reference_reads_back_however_it_is_written() -> None:
    for _ in range(500):
        reference = new_reference()
        assert len(reference) == 9
        assert set(compact(reference)) <= set(ALPHABET)
        for heard in (
            reference.lower(),
            reference.replace("-", ""),
            f" {reference} ",
            reference.replace("0", "o").replace("1", "l"),
            reference.replace("0", "O").replace("1", "I").replace("-", " – "),
        ):
            assert read_reference(heard) == reference


@given(places, st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    typed = compact(new_reference())
    if typed[place] == wrong:
        return
    typed[place] = wrong
    with pytest.raises(BadInput, match="mal recopiée"):
        read_reference("".join(typed))


@given(st.integers(0, 6))
def test_two_neighbours_swapped_are_noticed(place: int) -> None:
    typed = compact(new_reference())
    if typed[place] == typed[place + 1]:
        return
    typed[place], typed[place + 1] = typed[place + 1], typed[place]
    with pytest.raises(BadInput, match="inversés"):
        read_reference("".join(typed))


@pytest.mark.parametrize(
    ("typed", "told"),
    [("", "il y en a 0"), ("7K4M-2X", "il y en a 6"), ("7K4M-2XQ99", "il y en a 9"), ("7K4U-2XQ9", "« U »")],
)
def test_what_is_no_reference_says_why(typed: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as raised:
        read_reference(typed)
    assert raised.value.field == "reference"


@given(st.text(max_size=12))
def test_any_text_is_a_reference_or_a_plain_fault(typed: str) -> None:
    read = fault = None
    try:
        read = read_reference(typed)
    except BadInput as error:
        fault = error
    assert fault.field == "reference" if fault else len(read or "") == 9


@pytest.mark.parametrize(
    "typed",
    [
        "0612345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "+33612345678",
        "0033 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "06\u202f12\u202f34\u202f56\u202f78",
    ],
)
def test_one_number_has_one_form(typed: str) -> None:
    assert read_mobile(typed) == "+33612345678"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("01 42 68 53 00", "fixe"),
        ("09 70 12 34 56", "pas un numéro de mobile"),
        ("06 12 34 56", "trop court"),
        ("06 12 34 56 78 9", "trop long"),
        ("115", "trop court"),
        ("", "trop court"),
        ("06 12 34 56 7a", "que des chiffres"),
        ("+999 12345678", "indicatif"),
        ("06 00 00 00 0", "trop court"),
        ("00 12 34 56 78", "."),
        ("0" * 400, "trop long|trop court"),
        ("٠٦١٢٣٤٥٦٧٨", "que des chiffres"),
    ],
)
def test_what_is_no_mobile_says_why(typed: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as raised:
        read_mobile(typed)
    assert raised.value.field == "phone"


@given(st.text(alphabet="0123456789 +.-()/", max_size=40))
def test_any_digits_are_a_number_or_a_plain_fault(typed: str) -> None:
    read = fault = None
    try:
        read = read_mobile(typed)
    except BadInput as error:
        fault = error
    assert fault.field == "phone" if fault else (read or "").startswith("+")


def test_a_number_is_shown_in_pairs_or_masked() -> None:
    gap = "\u202f"
    assert pairs("+33612345678") == gap.join(("06", "12", "34", "56", "78"))
    assert masked("+33612345678") == gap.join(("06", "••", "••", "••", "78"))
    assert tail("+33612345678") == "78"
    abroad = read_mobile("+44 7400 123456")
    assert pairs(abroad).startswith("+44")
    assert masked(abroad) == gap.join(("+44", "••••", "••••56"))
    overseas = read_mobile("+262 692 12 34 56")
    assert masked(overseas).startswith("+262")
    assert sum(char.isdigit() for char in masked(overseas)) == 5
