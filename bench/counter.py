"""From the camera's frame to the verdict on the screen, without a network, on a slow telephone.

    python -m bench.counter [warm rounds] [reloads] [vouchers] [slow-down]
A real Chromium with a film as its camera: a code comes and goes on a white sheet before a crowded background. The
page's CPU is slowed down over the DevTools protocol, which does not reach threads of the page: the reader's thread is
slowed down by waiting so many times longer over each look. The browser's own processes (camera, painting) and its
cryptography (0.2 ms) are not slowed down. The device holds lists of 100,000 vouchers, and nobody listens at the
server's port any more. Two codes: one the device may accept (verdict: the visit's form) and a forged one (verdict: the
refusal). *Cold* is the first code after the page was opened without the server, *warm* are the later ones. Clock: the
capture time of the first frame that shows the code, the moment the page is told the text, the moment after the verdict
was painted. About five minutes; a line at each end says how busy the machine was.
"""

from __future__ import annotations

import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from flask import Response, request
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from bench.issue import ready_batch
from tests.browser.camera import film
from tests.browser.chromium import arguments, find_chromium
from tests.browser.counter import enrolled, forged, picture
from tests.databases import migrate
from tests.desk import Desk, Server
from tests.offline.device import issue_at
from voucher_service.ids import new_id
from voucher_service.vouchers.issue import issue_batch
from voucher_service.web.house import STATIC

GOAL_MS = 300
BLANK_S, SHOWN_S = 2.6, 1.2  # long enough to be out of the picture before it counts as new
PATIENCE_S = 60

# Follows one code at a time: the first frame with something dark in its middle, the text told, the verdict painted. The
# page is brought back to its start by Escape, as a person would. Watching costs the page next to nothing: 64 by 64
# bytes of the frame are copied beside it. The reader may be quicker than that, so the two come in any order.
WATCH = """
(() => {
  const bench = (globalThis.bench = { seen: [], unseen: 0 });
  let one = {}, blank = false;
  const painted = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(0);
  });
  const sheet = async (picture) => {
    const rect = { x: (picture.codedWidth >> 1) - 32, y: (picture.codedHeight >> 1) - 32, width: 64, height: 64 };
    const planes = new Uint8Array(picture.allocationSize({ rect }));
    await picture.copyTo(planes, { rect });
    picture.close();
    return planes.subarray(0, 4096).every((light) => light > 160);
  };
  const frame = (video, page) => video.requestVideoFrameCallback(async (at, about) => {
    frame(video, page);
    const white = await sheet(new VideoFrame(video));
    const mine = { frame: Math.min(about.captureTime ?? at, at), presented: at };
    if (!white && blank && !(one.frame >= mine.frame)) Object.assign(one, mine);
    blank = white && page.dataset.camera === "reading";
  });
  const changed = (page) => {
    const part = page.dataset.part;
    if (part !== "visit" && part !== "result") return;
    const read = performance.getEntriesByName("code-read").at(-1).startTime;
    Object.assign(one, { said: performance.now(), read, part });
    painted((at) => {
      one.painted = at;
      if (one.frame) bench.seen.push(one);
      else bench.unseen += 1; // the reader began while the code was in the picture already
      one = {};
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    });
  };
  addEventListener("DOMContentLoaded", () => {
    const page = document.getElementById("counter");
    if (!page) return;
    new MutationObserver(() => changed(page)).observe(page, { attributeFilter: ["data-part"] });
    frame(page.querySelector("video"), page);
  });
})();
"""

READS = "const found = await read(data);"
SLOWLY = """
async function slowly(act) {
  const from = performance.now();
  const found = await act();
  const until = from + (performance.now() - from) * %r;
  while (performance.now() < until);
  return found;
}
"""


def slow_reader(desk: Desk, slowdown: float) -> None:
    """Let the reader's thread take that many times longer over each look."""

    def change(answer: Response) -> Response:
        if request.path.endswith("/qr-thread.js") and answer.status_code == 200:
            answer.direct_passthrough = False
            source = (STATIC / "js" / "qr-thread.js").read_text("utf-8")
            assert source.count(READS) == 1
            answer.set_data(source.replace(READS, "const found = await slowly(() => read(data));") + SLOWLY % slowdown)
            del answer.headers["Content-Encoding"]
        return answer

    desk.app.after_request_funcs.setdefault(None, []).append(change)


def table(code: str | None) -> Image.Image:
    """A sheet before a crowded background, with the code on it."""
    seed = random.Random(7)
    scene = Image.effect_noise((1280, 720), 50).convert("RGB")
    pen = ImageDraw.Draw(scene)
    for _ in range(150):
        x, y, light = seed.randrange(1280), seed.randrange(720), seed.choice((20, 90, 160, 235))
        pen.rectangle((x, y, x + seed.randrange(8, 120), y + seed.randrange(8, 80)), fill=(light,) * 3)
    pen.rectangle((390, 90, 890, 630), fill="white")
    if code:
        shown = picture(code)
        shown.thumbnail((440, 440))
        scene.paste(shown, ((1280 - shown.width) // 2, (720 - shown.height) // 2))
    return scene


def stock(desk: Desk, vouchers: int) -> None:
    """Issue that many vouchers whose home is the device's branch."""
    batch_id = new_id()
    with desk.programme.database.begin() as session:
        session.add(ready_batch(desk.programme, batch_id, vouchers, branch_id=1))
    issue_batch(desk.programme.database, desk.programme.ring, batch_id, clock=lambda: desk.programme.now)


class Telephone:
    """An enrolled device in a Chromium of its own, its camera showing one code over and over."""

    def __init__(self, driver: Playwright, folder: Path, code: str, slowdown: float) -> None:
        folder.mkdir()
        path = film(folder / "camera.mjpeg", [(table(None), BLANK_S), (table(code), SHOWN_S)])
        self._slowdown = slowdown
        self.context = driver.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=find_chromium(),
            args=arguments(camera_film=path),
            viewport={"width": 360, "height": 740},
            locale="fr-FR",
            timezone_id="Europe/Paris",
        )

    def close(self) -> None:
        """Switch it off."""
        self.context.close()

    def enrol(self, desk: Desk, server: Server) -> None:
        """Enrol it, its pages and lists kept."""
        self.page = enrolled(self.context, desk, server.address)
        self.page.locator("#counter[data-camera=reading]").wait_for()
        self.page.add_init_script(WATCH)

    def slow_down(self) -> None:
        """Slow the page's CPU down."""
        session = self.context.new_cdp_session(self.page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": self._slowdown})

    def opened(self) -> float:
        """Open the page without the server; seconds until it reads."""
        start = time.perf_counter()
        self.page.reload()
        self.page.locator("#counter[data-camera=reading]").wait_for(timeout=PATIENCE_S * 1000)
        return time.perf_counter() - start

    def seen(self, count: int) -> list[dict[str, Any]]:
        """Wait for that many verdicts since the page was opened.

        Raises: RuntimeError when none comes.
        """
        have = 0
        until = time.monotonic() + PATIENCE_S
        while have < count and time.monotonic() < until:
            self.page.wait_for_timeout(200)
            now: int = self.page.evaluate("bench.seen.length")
            if now > have:
                have, until = now, time.monotonic() + PATIENCE_S
        if have < count:
            raise RuntimeError(f"{have} verdicts of {count}; the page: {_state(self.page)}")
        found: list[dict[str, Any]] = self.page.evaluate("bench.seen")
        return found


def busy() -> str:
    """How many processes wanted a core in the last minutes."""
    one, five, _ = os.getloadavg()
    cores = os.cpu_count() or 1
    judged = "" if one < 2 * cores else ": too busy to judge by, run it again on a quiet machine"
    return f"load average {one:.1f} (1 min), {five:.1f} (5 min) on {cores} cores{judged}"


def _state(page: Page) -> object:
    return page.evaluate("({ ...document.getElementById('counter').dataset, words: '' })")


def lines(title: str, seen: Sequence[dict[str, Any]]) -> None:
    """Print median and p90 of the whole and of its parts."""
    parts = {
        "frame to text read": [one["read"] - one["frame"] for one in seen],
        "text to verdict": [one["said"] - one["read"] for one in seen],
        "verdict to paint": [one["painted"] - one["said"] for one in seen],
        "whole": [one["painted"] - one["frame"] for one in seen],
    }
    for name, values in parts.items():
        p90 = statistics.quantiles(values, n=10, method="inclusive")[8] if len(values) > 1 else values[0]
        print(f"{title:24}{name:24}{statistics.median(values):8.0f}{p90:8.0f}   n={len(values)}")
    median = statistics.median(parts["whole"])
    print(f"{title:24}goal {GOAL_MS} ms median: {'met' if median <= GOAL_MS else 'MISSED'}")


def measure(phone: Telephone, desk: Desk, server: Server, title: str, *, warm: int, reloads: int) -> None:
    """Enrol the telephone, stop the server, and measure the one kind of code its camera shows."""
    server.start()
    phone.enrol(desk, server)
    server.stop()
    phone.slow_down()
    opening, cold = [], []
    for _ in range(reloads):
        opening.append(phone.opened())
        cold.append(phone.seen(1)[0])
    expect(phone.page.locator("#queue-line")).to_have_attribute("data-away", "true")
    later = phone.seen(1 + warm)[1:]
    parts = {one["part"] for one in [*cold, *later]}
    assert parts == {"visit" if title == "accepted" else "result"}, (
        f"another verdict than the one to be measured: {parts}"
    )
    print(f"{title}: opened without the server in {statistics.median(opening):.1f} s (median of {reloads})")
    lines(f"{title}, cold", cold)
    lines(f"{title}, warm", later)


def main(warm: int, reloads: int, vouchers: int, slowdown: float) -> None:
    """Print the figures, in milliseconds."""
    logging.disable(logging.WARNING)
    print(f"{vouchers:,} vouchers in the lists, CPU slowed down {slowdown:g} times, no server. ms: median, p90")
    print(busy())
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = f"sqlite:///{folder / 'bench.db'}"
        migrate(url)
        desk = Desk.make(url, folder, gift=500 * (vouchers + 10))
        stack.callback(desk.close)
        stock(desk, vouchers)
        digits = desk.programme.digits(issue_at(desk))
        server = stack.enter_context(desk.serving())
        server.stop()
        slow_reader(desk, slowdown)
        driver = stack.enter_context(sync_playwright())
        for title, code in (("accepted", digits), ("refused", forged(digits))):
            with closing(Telephone(driver, folder / title, code, slowdown)) as phone:
                measure(phone, desk, server, title, warm=warm, reloads=reloads)
    print(busy())


if __name__ == "__main__":
    given = [float(one) for one in sys.argv[1:]] + [20, 8, 100_000, 6][len(sys.argv) - 1 :]
    main(int(given[0]), int(given[1]), int(given[2]), given[3])
