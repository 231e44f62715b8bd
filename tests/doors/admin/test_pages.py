"""Every page opens, empty and filled, for those who may; the figures lead to the lists behind them."""

from __future__ import annotations

import re

from flask import Flask

from tests.doors.admin.conftest import Desk, Programme
from tests.house import client_as
from voucher_service.staff.models import Role

LISTS = [
    "/admin/",
    "/admin/orders/",
    "/admin/orders/?state=delivered",
    "/admin/breaks/",
    "/admin/visits/",
    "/admin/visits/?day=2026-03-01",
    "/admin/visits/?day=9999-12-31",
    "/admin/vouchers/",
    "/admin/vouchers/?state=issued&ends_by=2030-01-01",
    "/admin/batches/",
    "/admin/allocations/",
    "/admin/allocations/?state=open&ends_by=2040-01-01",
    "/admin/partners/",
    "/admin/stock/",
    "/admin/campaigns/",
    "/admin/offers/",
    "/admin/people/",
    "/admin/team/",
    "/admin/branches/",
    "/admin/thresholds/",
    "/admin/books/",
    "/admin/books/?reason=received&book_id=1&day=2026-03-01",
    "/admin/books/check",
    "/admin/books/check?run=1",
]
FORMS = [
    "/admin/allocations/new",
    "/admin/partners/new",
    "/admin/partners/agreements/new",
    "/admin/vouchers/new",
    "/admin/batches/new",
    "/admin/offers/new",
    "/admin/campaigns/new",
    "/admin/people/new",
    "/admin/stock/import",
    "/admin/team/new",
    "/admin/branches/new",
    "/admin/thresholds/new",
]


def test_each_list_opens_on_an_empty_programme(awa: Desk) -> None:
    assert [path for path in LISTS if awa.get(path).status_code != 200] == []
    assert [path for path in LISTS if "<h1>" not in awa.get(path).text] == []


def test_an_auditor_reads_each_list_and_finds_no_button_that_changes(hugo: Desk, programme: Programme) -> None:
    for path in LISTS:
        answer = hugo.get(path)
        assert answer.status_code == 200, path
        # Signing out and finding a voucher change nothing of the programme.
        actions = set(re.findall(r'<form method="post" action="([^"]+)"', answer.text))
        assert actions <= {"/sign-out", "/admin/vouchers/search"}, path


def test_each_form_opens_for_a_coordinator_and_not_for_an_auditor(awa: Desk, hugo: Desk, programme: Programme) -> None:
    assert [path for path in FORMS if awa.get(path).status_code != 200] == []
    assert [path for path in FORMS if hugo.get(path).status_code != 403] == []


def test_the_details_open(awa: Desk, hugo: Desk, programme: Programme) -> None:
    for path in (
        f"/admin/allocations/{programme.allocation_id}",
        f"/admin/offers/{programme.offer_id}",
        f"/admin/campaigns/{programme.campaign_id}",
    ):
        for desk in (awa, hugo):
            assert desk.get(path).status_code == 200, path
    for path in (
        f"/admin/allocations/{programme.allocation_id}/return",
        f"/admin/allocations/{programme.allocation_id}/write-off",
        f"/admin/offers/{programme.offer_id}/terms",
        f"/admin/campaigns/{programme.campaign_id}/rules",
        f"/admin/campaigns/{programme.campaign_id}/offers",
    ):
        assert awa.get(path).status_code == 200, path
        assert hugo.get(path).status_code == 403, path


MISSING = [
    "/admin/allocations/999999",
    "/admin/offers/01890000-0000-7000-8000-000000000000",
    "/admin/campaigns/01890000-0000-7000-8000-000000000000/rules",
    "/admin/vouchers/01890000-0000-7000-8000-000000000000",
    "/admin/batches/01890000-0000-7000-8000-000000000000",
    "/admin/people/01890000-0000-7000-8000-000000000000",
    "/admin/visits/01890000-0000-7000-8000-000000000000",
    "/admin/team/01890000-0000-7000-8000-000000000000",
]


def test_what_does_not_exist_is_told_so(awa: Desk) -> None:
    assert [path for path in MISSING if awa.get(path).status_code != 404] == []


BAD = [
    "/admin/vouchers/?state=nonsense",
    "/admin/vouchers/?branch_id=99999999999999999999",
    "/admin/vouchers/?person=ZZZ",
    "/admin/vouchers/?before=x",
    "/admin/visits/?day=hier",
    "/admin/books/?book_id=-1",
    "/admin/allocations/?partner_id=1",
    "/admin/allocations/99999999999999999999999",
    "/admin/orders/?state=x",
]


def test_a_bad_filter_is_told_and_never_breaks(awa: Desk) -> None:
    for path in BAD:
        answer = awa.get(path)
        assert answer.status_code in {200, 404, 422}, path
        assert answer.status_code != 200 or "error-summary" in answer.text, path


def test_each_number_of_the_first_page_leads_to_a_list(awa: Desk, programme: Programme) -> None:
    page = awa.get("/admin/").text
    links = set(re.findall(r'<dt><a href="([^"]+)"', page)) | set(
        re.findall(r'<li class="\w+"><a href="([^"]+)"', page)
    )
    assert len(links) >= 4
    for link in links:
        assert awa.get(link.replace("&amp;", "&")).status_code == 200, link


def test_other_roles_stay_outside(app: Flask) -> None:
    for role in (Role.COUNTER, Role.VOLUNTEER, Role.PARTNER):
        assert client_as(app, role).get("/admin/").status_code == 403
