"""The back office of deliveries: one order with its attempts, closing by two, and pauses of a route."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import services_of
from voucher_service.fulfilment.around import PartnerBalance, RoutePause
from voucher_service.fulfilment.decide import PAUSED
from voucher_service.fulfilment.models import Order
from voucher_service.fulfilment.settle import to_people
from voucher_service.ids import new_id, utc_now
from voucher_service.staff.models import Branch, Staff
from voucher_service.visits.redeem import ScanRequest, redeem
from voucher_service.vouchers.issue import Wanted, issue_one


@pytest.fixture
def order_id(app: Flask, programme: Programme) -> UUID:
    """A waiting order."""
    held, now = services_of(app), utc_now()
    wanted = Wanted(campaign_id=programme.campaign_id, offer_id=programme.offer_id, actor="staff:test", person_id=None)
    voucher = held.database.run(issue_one, held.ring, new_id(), wanted, now=now)
    with held.database.read() as session:
        digits = held.ring.printed(session, voucher).digits
        branch = session.get_one(Branch, programme.branch_id)
        staff_id = session.scalars(select(Staff.id).limit(1)).one()
    request = ScanRequest(
        scan_id=new_id(),
        code=digits,
        branch_id=branch.id,
        till_book_id=branch.till_book_id,
        staff_id=staff_id,
        scanned_at=now,
        number="+33639981234",
    )
    recorded = held.database.run(redeem, held.vault, held.ring, request, now=now)
    assert recorded.order_id is not None
    return recorded.order_id


@pytest.fixture
def manual_id(app: Flask, order_id: UUID) -> UUID:
    """An order in people's hands."""
    with services_of(app).database.begin() as session:
        assert to_people(session, Order.id == order_id, code="cut_off")
    return order_id


def state(app: Flask, order_id: UUID) -> str:
    """Where the order stands."""
    with services_of(app).database.read() as session:
        return session.get_one(Order, order_id).state


def test_two_people_close_an_order(app: Flask, awa: Desk, marc: Desk, hugo: Desk, manual_id: UUID) -> None:
    page = f"/admin/orders/{manual_id}"
    assert f'href="{page}"' in awa.get("/admin/orders/").text
    assert "Sans réponse claire jusqu’au relevé" in awa.get(page).text
    assert "Proposer" not in hugo.get(page).text, "an auditor reads only"
    shown = awa.follow(f"{page}/propose", ending="given_back", note="Support appelé à 10 h : rien reçu")
    assert "une autre personne doit donner son accord" in shown.text
    closing = shown.text.split("/closings/")[1][:36]
    assert "Vous avez proposé cette fin" in awa.follow(f"{page}/closings/{closing}/agree").text
    assert state(app, manual_id) == "manual"
    assert "Donner mon accord" in marc.get(page).text
    assert "La recharge est close" in marc.follow(f"{page}/closings/{closing}/agree").text
    assert state(app, manual_id) == "given_back"
    again = marc.follow(f"{page}/closings/{closing}/withdraw")
    assert "déjà décidée" in again.text


def test_a_proposal_says_what_is_wrong_and_can_be_taken_back(
    app: Flask, awa: Desk, marc: Desk, manual_id: UUID
) -> None:
    page = f"/admin/orders/{manual_id}"
    answer = awa.send(f"{page}/propose", ending="lost", note="x")
    assert (answer.status_code, [field for field, _ in faults(answer)]) == (422, ["note"])
    assert awa.send(f"{page}/propose", note="bien vu").status_code == 422
    shown = awa.follow(f"{page}/propose", ending="lost", note="rien à faire")
    closing = shown.text.split("/closings/")[1][:36]
    assert "attend déjà" in marc.follow(f"{page}/propose", ending="delivered", note="mais si").text
    assert "rien n’a changé" in marc.follow(f"{page}/closings/{closing}/withdraw").text
    assert state(app, manual_id) == "manual"


def test_only_what_failed_here_is_tried_again(app: Flask, awa: Desk, manual_id: UUID) -> None:
    page = f"/admin/orders/{manual_id}"
    assert "a avancé entre-temps" in awa.follow(f"{page}/again").text
    with services_of(app).database.begin() as session:
        session.execute(update(Order).values(outcome_code="internal_failures"))
    assert "Reprendre l’envoi" in awa.get(page).text
    assert "s’en occupe de nouveau" in awa.follow(f"{page}/again").text
    assert state(app, manual_id) == "waiting"


def test_an_order_that_is_not_there(awa: Desk) -> None:
    assert awa.get(f"/admin/orders/{new_id()}").status_code == 404
    assert awa.send(f"/admin/orders/{new_id()}/propose", ending="lost", note="rien vu").status_code == 404
    assert awa.send(f"/admin/orders/{new_id()}/closings/{new_id()}/agree").status_code == 404


def test_a_pause_and_an_empty_account_are_shown_today_and_ended_here(
    app: Flask, awa: Desk, hugo: Desk, order_id: UUID
) -> None:
    now = utc_now()
    until = now + timedelta(minutes=30)
    with services_of(app).database.begin() as session:
        session.add(RoutePause(route="sandbox", code="insufficient_balance", since=now, until=until))
        session.add(PartnerBalance(route="sandbox", hundredths=1234, currency="EUR", as_of=now, asked_at=now))
        session.execute(update(Order).values(outcome_code=PAUSED, due_at=until))
    today = awa.get("/admin/").text
    assert "Envois en pause" in today
    assert "Comptes presque vides" in today
    shown = awa.get("/admin/routes/").text
    assert "insufficient_balance" in shown
    assert "12,34" in shown
    assert "Reprendre maintenant" not in hugo.get("/admin/routes/").text
    assert "1 recharge repart" in awa.follow("/admin/routes/sandbox/resume").text
    assert "rien n’attendait" in awa.follow("/admin/routes/sandbox/resume").text
    assert awa.send(f"/admin/routes/{'x' * 41}/resume").status_code == 404
    with services_of(app).database.read() as session:
        assert session.get_one(Order, order_id).due_at <= utc_now()  # type: ignore[operator]  # it is due
