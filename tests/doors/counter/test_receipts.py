"""The receipt from the counter's pages: what it says, its duplicate, its void; and who may see it."""

from __future__ import annotations

from tests.desk import Desk
from tests.doors.test_screens import faults
from voucher_service.staff.models import Role


def test_the_receipt_is_reached_from_result_visit_and_shift(desk: Desk) -> None:
    client = desk.client()
    sent = client.scan(desk.programme.digits(desk.programme.issue()), paid_cents=200).get_json()
    href = f"/counter/receipts/{sent['visit_id']}"
    assert sent["receipt_href"] == href
    for path in (f"scans/{sent['scan_id']}", f"visits/{sent['visit_id']}", "shift"):
        assert f'href="{href}"' in client.http.get(f"/counter/{path}").text, path
    free = client.scan(desk.programme.digits(desk.programme.issue())).get_json()
    assert free["receipt_href"] == ""
    assert client.http.get("/counter/shift").text.count("/counter/receipts/") == 1
    assert client.http.get(f"/counter/receipts/{free['visit_id']}").status_code == 409


def test_original_then_duplicate_then_void(desk: Desk) -> None:
    client = desk.client()
    sent = client.scan(
        desk.programme.digits(desk.programme.issue()), paid_cents=150, number="06 39 98 12 34"
    ).get_json()
    href = f"/counter/receipts/{sent['visit_id']}"
    seen = client.http.get(href).text
    assert ("Reçu n°" in seen, "1,50\u00a0€" in seen, faults(seen)) == (False, True, [])
    assert "Reçu n°" not in client.http.get(href).text, "looking gives no number"
    first = client.form(href)
    assert ("Reçu n° A1-2026-0001" in first.text, "data-print-now" in first.text) == (True, True)
    assert ("DUPLICATA" in first.text, "ANNULÉ" in first.text, faults(first.text)) == (False, False, [])
    assert first.headers["Cache-Control"] == "no-store"
    receipt = first.text.partition("<article")[2].partition("</article>")[0]
    for text in ("Antenne Nord", "1 rue de la Gare", "4 mars 2026", "1,50\u00a0€"):
        assert text in receipt, text
    for text in ("Camille", "12 34", "bénéficiaire", "solidaire"):
        assert text not in receipt, "nothing of the person, nothing that marks them"
    assert "Déjà imprimé" in client.http.get(href).text
    assert "DUPLICATA" in client.form(href).text
    client.post(f"scans/{sent['scan_id']}/undo", {"reason": "mauvais numéro"})
    void = client.form(href)
    assert ("ANNULÉ" in void.text, "DUPLICATA" in void.text, faults(void.text)) == (True, True, [])
    assert desk.programme.findings() == []


def test_a_price_above_what_the_voucher_allows_or_another_branch_s_is_no_receipt(desk: Desk) -> None:
    coordinator, counter = desk.client(Role.COORDINATOR), desk.client()
    far = coordinator.scan(desk.programme.digits(desk.programme.issue()), branch_id=2, paid_cents=200).get_json()
    href = f"/counter/receipts/{far['visit_id']}"
    assert coordinator.http.get(href).status_code == 200
    assert (counter.http.get(href).status_code, counter.form(href).status_code) == (404, 404)
