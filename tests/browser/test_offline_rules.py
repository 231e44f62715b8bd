"""The counter's rules without a server, in a real browser: bytes held to golden vectors, each verdict, one journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page

from tests.browser.conftest import OpenContext
from tests.browser.static_site import STATIC, Site, serving

pytestmark = pytest.mark.browser

VECTOR = json.loads((Path(__file__).parents[2] / "docs" / "offline-vector.json").read_text("utf-8"))
PUBLIC_KEY = "fd7dba5fb2ddcbc05b6179199403318538f4a66826eb57d389e54d3b2c5940c8"
BARE = (
    "1005131967697735550950057690326000167194133761664785604410048604258364523982465789423145303771540624397437344780"
    "173387266192454791668834492761292006399345669274204506876147570407932339259633765598533894"
)
SERIAL = 0x55BA206C

HELD = """async (given) => {
  const code = await import('/static/js/offline/code.js');
  const decide = await import('/static/js/offline/decide.js');
  const hex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  const block = (given.serial >> 10) * 128;
  const bits = (on) => {
    const all = new Uint8Array(block + 128);
    if (on) all[block + ((given.serial & 1023) >> 3)] = 0x80 >> (given.serial & 7);
    return all;
  };
  const key = { organisation: 10717, key_id: 122, status: 'active', public_key: code.base64url(hex(given.key)) };
  const held = {
    enrolled: true, halted: '', keys: [key],
    lists: new Map([['10717-122', { gone: bits(given.gone), home: bits(given.home ?? true) }]]),
    offers: { 1143: { unit: 'eur_cent', label_fr: 'x', label_en: 'x', price_cents: 0, needs_number: true, form: 'f' } },
    lease: { id: 'l', valid_until: '2026-11-28T00:00:00Z', up_to_seq: 100, up_to_value: { eur_cent: 100000 } },
    shift: { id: 's', ends_at: '2026-11-25T20:00:00Z' },
    head: { seq: 0, totals: {} }, now: '2026-11-25T09:00:00Z', today: '2026-11-25',
    ...given.held, spent: async () => given.spent,
  };
  held.now = held.now === 'none' ? null : new Date(held.now);
  if (given.status) held.keys[0].status = given.status;
  return (await decide.decide(given.code, held)).verdict;
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def page(open_context: OpenContext, site: Site) -> Page:
    page = open_context().new_page()
    page.goto(site.address)
    return page


def verdict(page: Page, **given: Any) -> str:
    """What decide.js says; by default a voucher that may be accepted. The lists would be 1.4 GB for the vector's
    serial, so the body is made anew under a small one and signed here."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    body = bytes.fromhex("1129dd7a") + (1234).to_bytes(4, "big") + bytes.fromhex("030d324c047700348d0a7a")
    prefix = bytes.fromhex("846a5369676e61747572653143a101274a766f75636865722d763153")
    token = body + key.sign(prefix + body)
    digits = f"10{int.from_bytes(token, 'big'):0200d}"
    sent = {"code": digits, "key": key.public_key().public_bytes_raw().hex(), "serial": 1234, "held": {}} | given
    found: str = page.evaluate(HELD, sent)
    return found


def test_the_golden_voucher_is_read_and_verified_with_and_without_webcrypto(page: Page) -> None:
    seen = page.evaluate(
        """async ([bare, key]) => {
          const code = await import('/static/js/offline/code.js');
          const hex = Uint8Array.from(key.match(/../g), (pair) => parseInt(pair, 16));
          const keys = [{ organisation: 10717, key_id: 122, status: 'active', public_key: code.base64url(hex) }];
          const all = [];
          for (const webCrypto of [true, false]) {
            all.push(await code.verify(bare, keys, { webCrypto }));
            const last = String((Number(bare.at(-1)) + 1) % 10);
            all.push(await code.verify(bare.slice(0, -1) + last, keys, { webCrypto }).catch((error) => error.reason));
          }
          return all;
        }""",
        [BARE, PUBLIC_KEY],
    )
    body = {
        "organisation": 0x29DD,
        "keyId": 0x7A,
        "serial": SERIAL,
        "nonce": 0x030D324C,
        "offerCode": 0x0477,
        "value": 0x00348D,
        "lastDay": "2027-05-06",
    }
    assert seen == [body, "forged", body, "forged"]


def test_every_cut_and_every_flipped_bit_of_a_voucher_is_refused(page: Page) -> None:
    reasons = page.evaluate(
        """async ([bare, key]) => {
          const code = await import('/static/js/offline/code.js');
          const hex = Uint8Array.from(key.match(/../g), (pair) => parseInt(pair, 16));
          const keys = [{ organisation: 10717, key_id: 122, status: 'active', public_key: code.base64url(hex) }];
          const found = {};
          const count = async (text) => {
            const why = await code.verify(text, keys).then(() => 'accepted', (error) => error.reason);
            found[why] = (found[why] ?? 0) + 1;
          };
          const number = BigInt(bare.slice(2));
          for (let bit = 0n; bit < 664n; bit += 1n) await count('10' + String(number ^ (1n << bit)).padStart(200, '0'));
          for (let length = 1; length < 202; length += 1) await count(bare.slice(0, length));
          return found;
        }""",
        [BARE, PUBLIC_KEY],
    )
    assert sum(reasons.values()) == 664 + 201
    assert "accepted" not in reasons
    assert reasons["forged"] >= 600


def test_entries_and_seals_are_to_the_byte_what_the_server_reads(page: Page) -> None:
    seen = page.evaluate(
        """async (vector) => {
          const load = (name) => import(`/static/js/offline/${name}.js`);
          const [wire, lists, code] = await Promise.all(['wire', 'lists', 'code'].map(load));
          const hex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
          const curve = { name: 'ECDH', namedCurve: 'P-256' };
          const pkcs8 = hex(vector.ephemeral.pkcs8);
          const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, curve, true, ['deriveBits']);
          const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', privateKey);
          const publicKey = await crypto.subtle.importKey('jwk', { kty, crv, x, y }, curve, true, []);
          const text = wire.entryText(vector.entry.device_id, vector.entry, vector.sealed.sha256);
          const fixed = { ephemeral: { privateKey, publicKey }, nonce: hex(vector.sealed.nonce) };
          const { device_id: device, scan_id: scan } = vector.entry;
          const sealed = await wire.seal(hex(vector.box.point), device, scan, vector.sealed.plain, fixed);
          const block = { gone: code.bytesOf(vector.block.gone), home: code.bytesOf(vector.block.home) };
          return [
            text, await wire.sha256(text), wire.hex(sealed),
            await wire.requestText(vector.request.path, vector.request.body),
            wire.enrolmentText(vector.enrolment.code, hex(vector.device.point)),
            await lists.digests(block), [0, 7, 8].map((serial) => lists.standing(block, serial)),
          ];
        }""",
        VECTOR,
    )
    assert seen == [
        VECTOR["entry_signed_text"],
        VECTOR["entry_hash"],
        VECTOR["sealed"]["bytes"],
        VECTOR["request"]["signed_text"],
        VECTOR["enrolment"]["signed_text"],
        VECTOR["block"]["digest"],
        ["gone", "gone", "elsewhere"],
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "ok"),
        ({"held": {"enrolled": False}}, "not_enrolled"),
        ({"code": "1234 5678 9012 3456"}, "typed_offline"),
        ({"code": "https://example.org/menu"}, "not_a_voucher"),
        ({"held": {"keys": [{"organisation": 1, "key_id": 122, "status": "active", "public_key": ""}]}}, "foreign"),
        ({"held": {"keys": []}}, "no_lease"),  # nothing came from the server yet: not "of another organisation"
        ({"status": "revoked"}, "revoked_key"),
        ({"held": {"today": "2027-05-07"}}, "expired"),
        ({"held": {"today": "2027-05-06"}}, "ok"),
        ({"spent": {"at": "2026-11-25T08:00:00Z"}}, "used_here"),
        ({"gone": True}, "gone"),
        ({"home": False}, "not_home"),
        ({"held": {"halted": "forked"}}, "device_stopped"),
        ({"held": {"now": "none"}}, "clock"),
        ({"held": {"shift": None}}, "no_shift"),
        ({"held": {"now": "2026-11-25T20:00:00Z"}}, "no_shift"),
        ({"held": {"offers": {}}}, "unknown_offer"),
        ({"held": {"lease": None}}, "no_lease"),
        ({"held": {"head": {"seq": 100, "totals": {}}}}, "lease_spent"),
        ({"held": {"head": {"seq": 99, "totals": {"eur_cent": 100_000 - 13_453}}}}, "ok"),
        ({"held": {"head": {"seq": 99, "totals": {"eur_cent": 100_001 - 13_453}}}}, "lease_spent"),
    ],
)
def test_each_rule_has_its_verdict(page: Page, given: dict[str, Any], expected: str) -> None:
    assert verdict(page, **given) == expected


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ('if (held.today > body.lastDay) return { verdict: "expired", body };', {"held": {"today": "2027-05-07"}}),
        ('if (known === "gone") return { verdict: "gone", body };', {"gone": True}),
        (
            'if (before) return { verdict: "used_here", body, at: before.at };',
            {"spent": {"at": "2026-11-25T08:00:00Z"}},
        ),
        ('if (halted) return { verdict: "device_stopped", body };', {"held": {"halted": "forked"}}),
    ],
)
def test_each_rule_is_what_refuses(page: Page, site: Site, line: str, given: dict[str, Any]) -> None:
    """Planted: without its line the rule's voucher would be accepted."""
    source = (STATIC / "js" / "offline" / "decide.js").read_text("utf-8")
    assert line in source
    site.planted["/static/js/offline/decide.js"] = source.replace(line, "").encode()
    try:
        assert verdict(page, **given) == "ok"
    finally:
        del site.planted["/static/js/offline/decide.js"]


def test_two_windows_of_one_device_never_take_one_number(page: Page) -> None:
    seen = page.evaluate(
        """async () => {
          const store = await import('/static/js/offline/store.js');
          const row = (seq, spending) => store.append(
            { seq, spending, entry: {}, at: 'x', standing: 'waiting', offer_code: 1 }, { seq, hash: 'h', totals: {} });
          const tries = await Promise.allSettled([row(1, 'a'), row(1, 'b'), row(2, 'a')]);
          return [tries.map((one) => one.status), (await store.head()).seq, (await store.rows('waiting')).length];
        }"""
    )
    assert seen == [["fulfilled", "rejected", "rejected"], 1, 1]
