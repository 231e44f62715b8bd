"""Which alphabet a text needs, into how many messages it goes, and that nothing is lost on the way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import gsm

from voucher_service.messages.encoding import Alphabet, encode, payloads, simplified

FRENCH = "ê ç œ ’ €"
_BASIC = "".join(char for char in gsm.GSM_CHARACTER_TABLE[:128] if char not in "`\x1b")
GSM_TEXT = st.text(_BASIC + "€[]{}~^\\|", max_size=900)


@pytest.mark.parametrize(
    ("text", "alphabet", "parts"),
    [
        ("a" * 160, Alphabet.GSM, 1),
        ("a" * 161, Alphabet.GSM, 2),
        ("é" * 160, Alphabet.GSM, 1),
        ("a" * 158 + "€", Alphabet.GSM, 1),
        ("a" * 159 + "€", Alphabet.GSM, 2),
        ("a" * 306, Alphabet.GSM, 2),
        ("a" * 307, Alphabet.GSM, 3),
        ("a" * 152 + "€" + "a" * 152, Alphabet.GSM, 3),  # the euro must not be cut: 152 + 151… needs a third
        ("ê" * 70, Alphabet.UCS2, 1),
        ("ê" * 71, Alphabet.UCS2, 2),
        ("ê" * 134, Alphabet.UCS2, 2),
        ("ê" * 66 + "🌍" + "ê" * 66, Alphabet.UCS2, 3),
        (FRENCH, Alphabet.UCS2, 1),
        ("e\u0301t\u0301"[:2], Alphabet.GSM, 1),  # "é" in two characters is one
        ("", Alphabet.GSM, 1),
    ],
)
def test_alphabet_and_parts(text: str, alphabet: Alphabet, parts: int) -> None:
    encoded = encode(text)
    assert (encoded.alphabet, encoded.parts) == (alphabet, parts)


def test_the_characters_that_force_the_long_alphabet_are_named() -> None:
    assert encode("prêt, ça va ? œuf ’ 5 €").forcing == "êçœ’"
    assert encode("Ça coûte 5 €").forcing == "û"


def test_a_desk_may_choose_to_go_without_accents() -> None:
    assert simplified("« Prêt » à l’œuvre : ça coûte 5 €…") == '" Pret " à l\'oeuvre : ca coute 5 €...'.replace(
        '" P', '" P'
    )
    assert encode(simplified(FRENCH)).alphabet is Alphabet.GSM
    assert simplified("مرحبا") == "مرحبا", "what has no likeness stays whole"


@given(GSM_TEXT)
def test_gsm_octets_are_those_of_an_independent_table(text: str) -> None:
    encoded = encode(text)
    assert encoded.alphabet is Alphabet.GSM
    joined = b"".join(octets[6:] if encoded.parts > 1 else octets for octets in payloads(encoded, reference=7))
    assert joined == gsm.gsm_encode(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.integers(0, 2**64))
def test_nothing_is_lost_and_no_part_is_too_long(text: str, reference: int) -> None:
    encoded = encode(text)
    parts = payloads(encoded, reference=reference)
    assert len(parts) == encoded.parts
    assert "".join(encoded.texts) == unicodedata.normalize("NFC", text)
    most = 160 if encoded.alphabet is Alphabet.GSM else 140
    if encoded.parts > 1:
        assert [octets[:3] for octets in parts] == [b"\x05\x00\x03"] * len(parts)
        assert [octets[5] for octets in parts] == [number % 256 for number in range(1, len(parts) + 1)]
        assert len({octets[3] for octets in parts}) == 1
        most = 153 + 6 if encoded.alphabet is Alphabet.GSM else 140
    assert all(len(octets) <= most for octets in parts)
    if encoded.alphabet is Alphabet.UCS2:
        cut = 6 if encoded.parts > 1 else 0
        assert [octets[cut:].decode("utf-16-be") for octets in parts] == list(encoded.texts), "no character is cut"


def test_a_planted_table_without_the_escape_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encode.__globals__["_GSM"], "€", b"\x65")
    encoded = encode("5 €")
    assert payloads(encoded, reference=1)[0] != gsm.gsm_encode("5 €")
