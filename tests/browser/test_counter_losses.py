"""A dead server, a lost answer, an ended session: the visit in hand is never lost and never counted twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Response, request
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenContext
from tests.browser.counter import Take, enrolled, enter, fill_visit, outcomes, type_code
from tests.browser.static_site import STATIC
from tests.desk import PHONE, Desk, Server
from tests.offline.device import issue_at
from voucher_service.staff import shifts
from voucher_service.staff.models import Role

pytestmark = pytest.mark.browser


def test_the_server_dies_in_the_middle_and_nothing_is_lost(
    desk: Desk, server: Server, open_context: OpenContext, screenshot: Take
) -> None:
    page = enter(open_context(), desk, server)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    page.fill("#v-number", PHONE)
    server.stop()
    fill_visit(page)
    expect(page.locator("#waiting")).to_contain_text("Ce passage est gardé ici et repart tout seul")
    screenshot(page, "counter-away-telephone-light")
    assert outcomes(desk) == []
    server.start()
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]
    assert desk.programme.findings() == []


def lose_the_first_answer(page: Page) -> list[str]:
    """Let the server record the first scan and the page never hear of it; returns what it would have heard."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())
        route.abort()

    page.route("**/counter/scans", lose)
    return lost


def test_an_answer_lost_on_its_way_is_asked_for_again_and_counts_once(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    page = enter(open_context(), desk, server)
    lost = lose_the_first_answer(page)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    fill_visit(page)
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert '"accepted"' in lost[0]
    assert outcomes(desk) == ["accepted"]


def test_with_a_new_id_for_each_try_an_honest_voucher_would_be_told_used(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    """The planted bug that the test above must find."""
    source = (STATIC / "js" / "counter-server.js").read_text("utf-8")
    fresh = "JSON.stringify({ ...body, ...('scan_id' in body && { scan_id: crypto.randomUUID() }) })"
    broken = source.replace("JSON.stringify(body)", fresh)
    assert broken != source
    context = open_context()
    context.route("**/counter-server.js", lambda route: route.fulfill(body=broken, content_type="text/javascript"))
    page = enter(context, desk, server)
    lose_the_first_answer(page)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    fill_visit(page)
    expect(page.locator("#result .result-word")).to_have_text("Déjà utilisé")


def test_a_session_that_ended_keeps_the_visit_until_the_next_sign_in(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    context = open_context()
    page = enter(context, desk, server)
    type_code(page, desk.programme.typed(desk.programme.issue()))
    page.locator("#v-number").wait_for()
    context.clear_cookies()
    fill_visit(page)
    expect(page.locator("#waiting")).to_contain_text("Votre session a pris fin")
    assert outcomes(desk) == []
    enter(context, desk, server).close()
    expect(page.locator("#result .result-word")).to_have_text("Accepté")
    assert outcomes(desk) == ["accepted"]


def test_at_a_device_whose_session_ended_the_pin_opens_another_and_the_code_waits(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    member = desk.staff(Role.COUNTER)
    desk.programme.database.run(shifts.set_pin, member.id, "4071", now=desk.programme.now)
    context, typed = open_context(), desk.programme.typed(desk.programme.issue())
    page = enrolled(context, desk, server.address)
    context.clear_cookies()
    type_code(page, typed)
    expect(page.locator("#waiting")).to_contain_text("Votre session a pris fin")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Se reconnecter").click()
    other = opened.value
    other.get_by_role("button", name="retaper mon code PIN").click()
    other.fill("#f-login", member.login)
    other.fill("#f-pin", "4071")
    other.click("#shift .primary")
    other.locator("#counter[data-part=ready]").wait_for()
    expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)")


def test_an_answer_that_begins_and_does_not_end_is_left_after_two_seconds(
    desk: Desk, server: Server, open_context: OpenContext
) -> None:
    """A bad network is worse than none: the device decides, although the server has begun to answer."""
    code = desk.programme.digits(issue_at(desk))
    page = enrolled(open_context(), desk, server.address)
    enough = threading.Event()

    def stall(answer: Response) -> Response:
        if request.path == "/counter/look":
            body = answer.get_data()

            def slowly() -> Iterator[bytes]:
                yield body[:20]
                enough.wait(30)
                yield body[20:]

            answer.response = slowly()
        return answer

    desk.app.after_request_funcs.setdefault(None, []).append(stall)
    try:
        type_code(page, code)
        expect(page.locator("#visit h2")).to_have_text("Recharge 5 € (sandbox)", timeout=6_000)
        assert "known_number" not in page.inner_html("#visit"), "the device's own form"
    finally:
        enough.set()
