"""What the counter's device keeps: how it is installed, its words for each verdict, the line on each page."""

from __future__ import annotations

import json
import re

import pytest
from flask_babel import force_locale

from tests.desk import Desk
from tests.guards.tree import ROOT
from tests.paper.pack import Pack
from voucher_service.web.counter.kept_words import offline_words
from voucher_service.web.counter.page_words import scanner_words

DECIDE = ROOT / "voucher_service" / "web" / "static" / "js" / "offline" / "decide.js"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_verdict_of_the_device_has_a_word_a_reason_and_a_next_step(desk: Desk, language: str) -> None:
    source = DECIDE.read_text("utf-8")
    kinds = set(re.findall(r"'(\w+)'", source.partition("@typedef {")[2].partition("} Verdict")[0]))
    assert set(re.findall(r'verdict: "(\w+)"', source)) < kinds
    with desk.app.test_request_context(), force_locale(language):
        said = offline_words()
    assert kinds | {"accepted_here"} == set(said)
    for verdict, words in said.items():
        assert min(len(words["sentence"]), len(words["next_step"])) > 15, (verdict, words)
        assert len(words["word"]) > 4, (verdict, words)


def test_what_keeps_the_camera_off_is_said_with_its_remedy(desk: Desk) -> None:
    with desk.app.test_request_context():
        said = scanner_words()
    for phase in ("refused", "missing", "busy"):
        assert "« Réessayer »" in said[phase][1], phase
    assert "https" in said["insecure"][1]
    assert "Rechargez" in said["reader"][1]


def test_what_waits_is_said_on_every_page_of_the_counter(desk: Desk) -> None:
    Pack.made(desk)
    client = desk.client()
    done = client.scan(desk.programme.digits(desk.programme.issue()), paid_cents=200).get_json()
    pages = [
        *("", "visit", "visits", "shift", "state", "device", "shell", "paper/", "paper/1"),
        f"visits/{done['visit_id']}",
        f"receipts/{done['visit_id']}",
        f"scans/{done['scan_id']}",
        f"top-ups/{done['order_id']}",
    ]
    for path in pages:
        page = client.http.get(f"/counter/{path}")
        assert page.status_code == 200, path
        assert page.text.count('id="queue-line"') == 1, path


def test_the_counter_is_installed_under_its_own_name(desk: Desk) -> None:
    client = desk.client()
    assert '<link rel="manifest" href="/counter/manifest.webmanifest">' in client.http.get("/counter/").text
    told = json.loads(client.http.get("/counter/manifest.webmanifest").text)
    assert (told["display"], told["scope"], told["start_url"]) == ("standalone", "/counter/", "/counter/")
    assert client.http.get(told["icons"][0]["src"]).status_code == 200
