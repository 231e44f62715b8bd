"""The page of balances: declared by the partner, compared at once, corrected with a reason; gaps said away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desk import Desk
from tests.flows.reconciliation.builders import VAULT
from tests.house import token
from voucher_service.ids import new_id
from voucher_service.reconciliation.statements import import_statement
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Settlement
from voucher_service.staff.models import Role

HEAD = "our ref;montant eur;status;date\n"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases, in April."""
    made = Desk.make(database_url, tmp_path)
    made.programme.now = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
    yield made
    made.close()


def test_a_balance_is_declared_compared_and_corrected(desk: Desk) -> None:
    programme, page = desk.programme, f"/partner/{desk.programme.partner_id}/balances/"
    us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
    shown = them.get(page).text
    assert "Non déclaré par l’opérateur" in shown
    assert 'value="2026-03-31"' in shown
    form = {"allocation_id": programme.allocation_id, "as_of": "2026-03-31", "closing": "990,00"}

    def send(**more: object) -> tuple[int, str]:
        answer = them.post(page, data={"csrf_token": token(them.get(page)), **form, **more}, follow_redirects=True)
        return answer.status_code, answer.text

    for wrong, told in (
        ({"closing": "beaucoup"}, "closing"), ({"closing": ""}, "closing"), ({"as_of": "2026-04-02"}, "as_of"),
        ({"as_of": "9999-12-31"}, "as_of"), ({"allocation_id": 99}, "allocation_id"), ({"granted": "-1"}, "granted"),
    ):  # fmt: skip
        status, text = send(**wrong)
        assert (status, f'href="#f-{told}"' in text) == (422, True), wrong
    status, text = send()
    assert status == 200
    assert "L’opérateur compte 10" in text
    assert "Solde différent" in them.get(f"/partner/{programme.partner_id}/breaks/?kind=balance_differs").text
    assert send(closing="1000,00")[0] == 422, "a correction wants its reason"
    status, text = send(closing="1000,00", reason="Un don oublié")
    assert (status, "D’accord" in text) == (200, True)
    assert "Version 2" in us.get(page).text
    assert us.post(page, data={"csrf_token": token(us.get(page)), **form}).status_code == 403
    assert them.get(f"/partner/{new_id()}/balances/").status_code == 404


def test_the_partner_says_that_a_number_never_served_and_a_coordinator_agrees(desk: Desk) -> None:
    programme = desk.programme
    with programme.database.begin() as session:
        for number in (1, 3):
            import_statement(
                session, vault=VAULT,
                partner_id=programme.partner_id, file_name=f"{number}.csv", actor="lea", now=programme.now,
                content=f"{HEAD}x{number};10;OK;10/03/2026 12:00\n".encode(), number=number,
            )  # fmt: skip
    them = desk.client(Role.PARTNER).http
    listed = them.get(f"/partner/{programme.partner_id}/breaks/?kind=statement_missing").text
    break_id = listed.partition("Relevé manquant</a>")[0].rpartition("/breaks/")[2][:36]
    page = f"/partner/{programme.partner_id}/breaks/{break_id}"
    assert "n° 2 n’est jamais arrivé" in them.get(page).text
    send = {"csrf_token": token(them.get(page)), "note": "x"}
    assert them.post(f"{page}/never-served", data=send).status_code == 422
    assert them.post(f"{page}/never-served", data=send | {"note": "Numéro sauté"}).status_code == 303
    assert them.post(f"{page}/never-served", data=send | {"note": "Encore"}).status_code == 409
    assert "Vous avez dit que ce numéro n’a jamais servi" in them.get(page).text
    with programme.database.read() as session:
        made = session.scalars(select(Settlement)).one()
    programme.database.run(settle.agree, made.id, actor="staff:claire", now=programme.now)
    shown = them.get(page).text
    assert "Ce numéro n’a jamais servi" not in shown
    assert "Numéro sauté" in shown
