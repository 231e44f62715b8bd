"""The signed code: the published vector, round trips, every way of being refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

from voucher_service.vouchers import code
from voucher_service.vouchers.code import Reason, VoucherBody, VoucherCodeError
from voucher_service.vouchers.keys import KeyStatus, PublicKeyRecord

BODY_HEX = "1129dd7a55ba206c030d324c047700348d0a7a"
SIGNATURE_HEX = (
    "cafd047ea9a16d6fc6754e639bb8d9a5e6f2b4a1bca3ba7de909d25478ef0140"
    "a9f24b544c5ac840b41aaad4cd966577691469c0159d8237d6d2f090311e9906"
)
TOKEN = bytes.fromhex(BODY_HEX + SIGNATURE_HEX)
BARE = (
    "10051319676977355509500576903260001671941337616647856044100486042583645239824657894231453037715406243974"
    "37344780173387266192454791668834492761292006399345669274204506876147570407932339259633765598533894"
)
BODY = VoucherBody(
    organisation=0x29DD,
    key_id=0x7A,
    serial=0x55BA206C,
    nonce=0x030D324C,
    offer_code=0x0477,
    value=0x00348D,
    last_day=date(2020, 1, 1) + timedelta(days=0x0A7A),
)
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point of Ed25519

bodies = st.builds(
    VoucherBody,
    organisation=st.integers(0, 2**16 - 1),
    key_id=st.integers(0, 2**8 - 1),
    serial=st.integers(0, 2**32 - 1),
    nonce=st.integers(0, 2**32 - 1),
    offer_code=st.integers(0, 2**16 - 1),
    value=st.integers(0, 2**24 - 1),
    last_day=st.dates(code.FIRST_DAY, code.LAST_DAY),
)


def reason_of(text: str | bytes, *records: PublicKeyRecord) -> Reason:
    """Why `text` is refused with these keys; fails when it is accepted."""
    with pytest.raises(VoucherCodeError) as refused:
        code.verify(text, {record.pair: record for record in records})
    assert str(refused.value).startswith(f"{refused.value.reason}: ")
    return refused.value.reason


def test_the_published_vector(private_key: Ed25519PrivateKey, record: PublicKeyRecord) -> None:
    assert record.public_key.hex() == "fd7dba5fb2ddcbc05b6179199403318538f4a66826eb57d389e54d3b2c5940c8"
    assert BODY.pack().hex() == BODY_HEX
    assert code.sign(BODY, private_key) == TOKEN
    assert code.to_digits(TOKEN) == BARE
    assert len(BARE) == 202
    assert code.verify(BARE, {record.pair: record}) == BODY
    assert BODY.spending_key == (0x29DD, 0x7A, 0x55BA206C)


@given(body=bodies)
def test_any_body_comes_back_from_each_form(body: VoucherBody, private_key: Ed25519PrivateKey) -> None:
    token = code.sign(body, private_key)
    assert VoucherBody.unpack(body.pack()) == body
    assert len(token) == 83
    assert code.read(code.to_digits(token)) == token
    assert code.read(code.to_url(token, "aide-7.example.org:8443")) == token


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        BARE[2:],
        f"  {BARE}\r\n",
        "\ufeff" + BARE,
        " ".join(BARE[at : at + 4] for at in range(0, 202, 4)),
        "\n".join(BARE[at : at + 40] for at in range(0, 202, 40)),
        "\u2011".join(BARE[at : at + 10] for at in range(0, 202, 10)),
        "]Q1" + BARE,
        BARE.translate(str.maketrans("0123456789", "à&é\"'(-è_ç")),
        BARE.translate(str.maketrans("0123456789", "à&é\"'(§è!ç")),
        code.to_url(TOKEN, "bons.example.org"),
        code.to_url(TOKEN, "bons.example.org").lower() + "/",
        code.to_url(TOKEN, "bons7.example.org").replace("/V/", "/V/ \n"),
        code.to_url(TOKEN, "bons.example.org") + "?source=sms#top",
    ],
    ids=[
        *("bare", "without prefix", "line end", "byte order mark", "groups", "lines", "dashes"),
        *("scanner mark", "AZERTY of a PC", "AZERTY of a Mac", "address", "small letters"),
        *("broken address", "address with a tail"),
    ],
)
def test_forms_that_are_read(text: str) -> None:
    assert code.read(text) == TOKEN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.NOT_A_VOUCHER),
        ("bonjour", Reason.NOT_A_VOUCHER),
        ("3017620422003", Reason.NOT_A_VOUCHER),
        ("1" * 1001, Reason.NOT_A_VOUCHER),
        ("٣" * 200, Reason.NOT_A_VOUCHER),
        ("https://example.org/V/12x", Reason.NOT_A_VOUCHER),
        ("0" * 200, Reason.NOT_A_VOUCHER),
        ("https://example.org/V/", Reason.NOT_A_VOUCHER),
        ("https://example.org/V/123", Reason.DAMAGED),
        (BARE[:-1], Reason.DAMAGED),
        (BARE[1:], Reason.DAMAGED),
        (BARE + BARE, Reason.DAMAGED),
        ("11" + BARE[2:], Reason.DAMAGED),
        ("9" * 200, Reason.DAMAGED),
        ("10" + str(2**664), Reason.DAMAGED),
        (code.to_url(TOKEN, "example.org")[:-3], Reason.DAMAGED),
        (code.to_url(TOKEN, "example.org") + "12", Reason.DAMAGED),
    ],
)
def test_texts_that_are_not_one_whole_voucher(text: str, reason: Reason, record: PublicKeyRecord) -> None:
    assert reason_of(text, record) is reason


def test_no_number_of_84_bytes_passes() -> None:
    assert len(str(2**664)) == 200
    assert code.read(str(2**664 - 1)) == b"\xff" * 83
    with pytest.raises(VoucherCodeError, match="damaged"):
        code.read(str(2**664))


def test_every_single_bit_flip_is_refused(record: PublicKeyRecord) -> None:
    number = int.from_bytes(TOKEN, "big")
    seen = {reason_of((number ^ 1 << bit).to_bytes(83, "big"), record) for bit in range(664)}
    assert seen == {Reason.NOT_A_VOUCHER, Reason.FOREIGN, Reason.UNKNOWN_KEY, Reason.FORGED}


def test_every_truncation_and_padding_is_refused(record: PublicKeyRecord) -> None:
    assert {reason_of(TOKEN[:size], record) for size in range(83)} == {Reason.DAMAGED}
    assert {reason_of(TOKEN[size:], record) for size in range(1, 84)} == {Reason.DAMAGED}
    assert reason_of(TOKEN + b"\0", record) is Reason.DAMAGED
    for size in range(202):
        assert reason_of(BARE[:size], record) in {Reason.DAMAGED, Reason.NOT_A_VOUCHER, Reason.FOREIGN}


def test_every_single_wrong_digit_is_refused(record: PublicKeyRecord) -> None:
    for at in range(202):
        for digit in set("0123456789") - {BARE[at]}:
            reason_of(BARE[:at] + digit + BARE[at + 1 :], record)


def test_two_thousand_random_mutations_are_refused(
    record: PublicKeyRecord, tokens: Callable[[int], list[bytes]]
) -> None:
    chance = random.Random(664)
    for token in tokens(40):
        for _ in range(50):
            changed = bytearray(token)
            for at in chance.sample(range(83), chance.randint(1, 12)):
                changed[at] ^= chance.randint(1, 255)
            reason_of(bytes(changed), record)


def test_a_second_form_of_a_signature_is_refused(record: PublicKeyRecord) -> None:
    """S + L satisfies the curve equation as S does; only a strict check tells them apart."""
    scalar = int.from_bytes(TOKEN[51:], "little")
    assert scalar < ORDER
    assert reason_of(TOKEN[:51] + (scalar + ORDER).to_bytes(32, "little"), record) is Reason.FORGED


def test_the_signature_is_bound_to_vouchers(private_key: Ed25519PrivateKey, record: PublicKeyRecord) -> None:
    """A signature over the bare body, or over another purpose, opens nothing."""
    packed = BODY.pack()
    assert reason_of(packed + private_key.sign(packed), record) is Reason.FORGED
    other = bytes.fromhex("846a5369676e61747572653143a101274a") + b"voucher-v2" + b"\x53" + packed
    assert reason_of(packed + private_key.sign(other), record) is Reason.FORGED


def test_which_key_is_missing_is_told_apart(record: PublicKeyRecord) -> None:
    assert reason_of(TOKEN) is Reason.FOREIGN
    assert reason_of(TOKEN, replace(record, organisation=7)) is Reason.FOREIGN
    assert reason_of(TOKEN, replace(record, key_id=7)) is Reason.UNKNOWN_KEY
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert reason_of(TOKEN, replace(record, public_key=stranger)) is Reason.FORGED


def test_a_retired_key_verifies_and_a_revoked_one_proves_its_body_only(record: PublicKeyRecord) -> None:
    assert code.verify(TOKEN, {record.pair: replace(record, status=KeyStatus.RETIRED)}) == BODY
    revoked = replace(record, status=KeyStatus.REVOKED)
    with pytest.raises(VoucherCodeError) as refused:
        code.verify(TOKEN, {revoked.pair: revoked})
    assert (refused.value.reason, refused.value.body) == (Reason.REVOKED_KEY, BODY)
    assert reason_of(TOKEN[:-1] + b"\xff", revoked) is Reason.FORGED


def test_a_verifier_that_trusts_anything_is_caught(monkeypatch: pytest.MonkeyPatch, record: PublicKeyRecord) -> None:
    """Planted bug: with the signature check gone, the bit flips above would pass."""
    monkeypatch.setattr(code, "_signed_by", lambda *_: True)
    assert code.verify(TOKEN[:-1] + b"\xff", {record.pair: record}) == BODY


def test_the_last_day_is_still_good() -> None:
    assert not code.is_past(BODY, BODY.last_day)
    assert code.is_past(BODY, BODY.last_day + timedelta(days=1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organisation", 2**16),
        ("key_id", 256),
        ("serial", -1),
        ("nonce", 2**32),
        ("offer_code", 2**16),
        ("value", 2**24),
        ("last_day", date(2019, 12, 31)),
        ("last_day", date(2199, 6, 7)),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field} must be"):
        replace(BODY, **{field: value})  # type: ignore[arg-type]


def test_an_independent_library_verifies_the_cose_form(
    record: PublicKeyRecord, tokens: Callable[[int], list[bytes]]
) -> None:
    key = OKPKey(crv="ED25519", x=record.public_key)
    for token in [TOKEN, *tokens(20)]:
        # Unpacked by hand: pycose's decode() wants the list and dict that older cbor2 gave, not frozen ones.
        tagged = cbor2.loads(code.to_cose(token))
        assert tagged.tag == 18
        protected, unprotected, payload, signature = tagged.value
        assert unprotected == {4: token[3:4]}
        parts = [protected, dict(unprotected), payload, signature]
        message: Any = Sign1Message.from_cose_obj(parts, allow_unknown_attributes=True)
        message.external_aad, message.key = b"voucher-v1", key
        assert len(code.to_cose(token)) == 96
        assert message.payload == token[:19]
        assert message.verify_signature()
        message.external_aad = b"voucher-v2"
        assert not message.verify_signature()


@pytest.mark.parametrize("host", ["", "https://a.org", "a.org/x", "a b", "é.org", "a.org:", ".org", "a.org:123456"])
def test_a_host_that_would_break_the_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="bare host name"):
        code.to_url(TOKEN, host)


def test_an_address_keeps_the_scheme_small_and_the_rest_capital() -> None:
    assert code.to_url(TOKEN, "bons.example.org") == f"https://BONS.EXAMPLE.ORG/V/{BARE[2:]}"


@pytest.mark.parametrize("make", [code.to_digits, code.to_cose, lambda token: code.to_url(token, "a.org")])
def test_only_whole_tokens_are_written(make: Callable[[bytes], object]) -> None:
    with pytest.raises(ValueError, match="83 bytes, not 82"):
        make(TOKEN[1:])


def test_the_body_of_another_layout_or_length_is_refused() -> None:
    with pytest.raises(VoucherCodeError, match="not_a_voucher"):
        VoucherBody.unpack(b"\x21" + BODY.pack()[1:])
    with pytest.raises(VoucherCodeError, match="damaged"):
        VoucherBody.unpack(BODY.pack()[1:])


def test_the_key_of_the_vector_is_a_plain_ed25519_key(record: PublicKeyRecord) -> None:
    """The same bytes, checked with no code of ours: what another implementer has to build."""
    signed = b"\x84\x6aSignature1\x43\xa1\x01\x27\x4avoucher-v1\x53" + TOKEN[:19]
    Ed25519PublicKey.from_public_bytes(record.public_key).verify(TOKEN[19:], signed)
