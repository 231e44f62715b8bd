"""A device and its queue against a server of the test's own words: in a real browser, without the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenContext
from tests.browser.static_site import STATIC, Site, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def page(open_context: OpenContext, site: Site) -> Page:
    page = open_context().new_page()
    page.goto(site.address)
    return page


# A device of its own in the browser's store, and a server that answers as `answer(path, body)` says.
OWN = """async ({ entries = 0, shift, lease, answer }) => {
  const load = (name) => import(`/static/js/offline/${name}.js`);
  const [store, wire, device, line] = await Promise.all(['store', 'wire', 'device', 'line'].map(load));
  await store.wipe();
  await store.keep('device', { id: 'd', name: 'n', pair: await wire.newKey(), halted: '' });
  await store.keep('state', { shift, lease });
  await store.keep('heard', { server: Date.now(), wall: Date.now() - 1 });
  for (let seq = 1; seq <= entries; seq += 1) {
    const entry = { seq, sealed: new Uint8Array(3) };
    const row = { seq, spending: `v${seq}`, entry, at: 'x', standing: 'waiting', offer_code: 1 };
    await store.append(row, { seq, hash: 'h', totals: {} });
  }
  globalThis.asked = [];
  globalThis.fetch = async (address, { body }) => {
    asked.push(String(address).replace('/counter/offline/', ''));
    const { status = 200, said } = globalThis.answer(JSON.parse(body));
    if (!status) throw new TypeError('no network');
    return new Response(JSON.stringify(said ?? { status, code: 'x', detail: 'x' }), { status });
  };
  return { store, device, line };
}"""


# Sixty entries of which the server takes neither the second nor the fourth.
TWO_BAD = f"""async () => {{
  globalThis.answer = ({{ entries }}) => {{
    const has = (seq) => entries.some((one) => one.seq === seq);
    if (has(4)) return {{ status: 500 }};
    if (has(2)) return {{ status: 422 }};
    return {{ said: {{ answers: entries.map(({{ seq }}) => ({{ seq, status: 'confirmed', words: {{}} }})) }} }};
  }};
  const {{ store, device }} = await ({OWN})({{ entries: 60 }});
  const answers = await device.upload().catch(() => []);
  const left = (await store.rows('waiting')).map(({{ seq }}) => seq);
  const times = asked.length;
  globalThis.answer = () => ({{ status: 503 }});
  const away = await device.upload().then(() => 'told', (error) => error instanceof device.Away);
  return [answers.length, left, times < 25, away];
}}"""


def test_one_entry_that_is_not_taken_holds_back_no_other(page: Page) -> None:
    assert page.evaluate(TWO_BAD) == [58, [2, 4], True, True], "kept, and tried again"


def test_without_the_halves_two_bad_entries_would_stop_all(page: Page, site: Site) -> None:
    """Planted."""
    name = "/static/js/offline/device.js"
    source = (STATIC / "js" / "offline" / "device.js").read_text("utf-8")
    assert "if (!bad) throw error;" in source
    site.planted[name] = source.replace("if (!bad) throw error;", "throw error;").encode()
    try:
        assert page.evaluate(TWO_BAD)[:2] == [0, list(range(1, 61))]
    finally:
        del site.planted[name]


def test_a_shift_closed_without_a_network_is_closed_here_at_once_and_told_first(page: Page) -> None:
    seen = page.evaluate(
        f"""async () => {{
          globalThis.answer = () => ({{ status: 0 }});
          const {{ store, device }} = await ({OWN})({{ shift: {{ id: 's', ends_at: '2099-01-01T00:00:00Z' }} }});
          const known = await device.closeShift('s');
          const open = (await store.fact('state')).shift;
          globalThis.answer = () => ({{ said: {{ closed_at: 'x' }} }});
          asked.length = 0;
          await device.refresh().catch(() => {{}}); // the state itself says nothing here
          return [known, open, asked, await store.fact('closing')];
        }}"""
    )
    assert seen == [False, None, ["shift/close", "state"], None]


@pytest.mark.parametrize(
    ("shift_ends", "lease", "expected"),
    [
        ("2099", {"up_to_seq": 3, "valid_until": "2099"}, "away"),
        (None, {"up_to_seq": 3, "valid_until": "2099"}, "away_closed"),
        ("2020", None, "away_closed"),
        ("2099", None, "away_spent"),
        ("2099", {"up_to_seq": 2, "valid_until": "2099"}, "away_spent"),
        ("2099", {"up_to_seq": 3, "valid_until": "2020"}, "away_spent"),
    ],
)
def test_the_line_promises_only_what_the_device_would_accept(
    page: Page, shift_ends: str | None, lease: dict[str, Any] | None, expected: str
) -> None:
    held = {"shift": shift_ends and {"ends_at": shift_ends}, "lease": lease}
    asked = f"""async (held) => {{
      globalThis.answer = () => ({{ status: 0 }});
      const {{ line }} = await ({OWN})({{ entries: 2, ...held }});
      await line.line.count();
      return line.line.alone;
    }}"""
    assert page.evaluate(asked, held) == expected
