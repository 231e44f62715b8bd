"""The counter's pages as someone without JavaScript uses them, and the lists of the day."""

from __future__ import annotations

import html
import re
from uuid import UUID

from sqlalchemy import func, select

from tests.desk import PHONE, Desk
from tests.doors.test_screens import faults
from tests.guards.tree import ROOT
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.visits.outcomes import Outcome
from voucher_service.web.counter.words import TONES


def visits(desk: Desk) -> list[Visit]:
    """The visits recorded."""
    with desk.programme.database.read() as session:
        return list(session.scalars(select(Visit).order_by(Visit.id)))


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no field {name}"
    return found[1]


def test_a_typed_code_is_redeemed_without_javascript(desk: Desk) -> None:
    desk.ask_questions()
    client, voucher = desk.client(), desk.programme.issue()
    typed = desk.programme.typed(voucher)
    form = client.form("/counter/typed", code=typed)
    assert faults(form.text) == []
    fields = {name: hidden(form.text, name) for name in ("scan_id", "code", "branch_id")}
    unread = client.form("/counter/redeem", **fields, number=PHONE, paid_cents="200")
    assert unread.status_code == 422
    assert "Relisez le numéro" in unread.text
    assert f'value="{PHONE}"' in unread.text, "what was typed is kept"
    answers = {"a-type_lieu": "domicile", "a-materiel": ["telephone", "tablette"], "a-duree": "25"}
    done = client.form(
        "/counter/redeem", **fields, number=PHONE, number_read="true", paid_cents="200", note="À revoir", **answers
    )
    assert done.status_code == 200
    assert 'data-outcome="ok"' in done.text
    assert faults(done.text) == []
    assert visits(desk)[0].answers == {"type_lieu": "domicile", "materiel": ["telephone", "tablette"], "duree": 25}
    again = client.form("/counter/typed", code=typed)
    assert "Déjà utilisé" in again.text
    assert "le 4 mars 2026 à 12\u00a0h\u00a000 à Antenne Nord" in again.text
    assert desk.programme.findings() == []


def test_a_bad_answer_is_shown_at_its_question(desk: Desk) -> None:
    desk.ask_questions()
    client = desk.client()
    form = client.form("/counter/typed", code=desk.programme.typed(desk.programme.issue()))
    fields = {name: hidden(form.text, name) for name in ("scan_id", "code", "branch_id")}
    answer = client.form("/counter/redeem", **fields, number=PHONE, number_read="true", **{"a-duree": "longtemps"})
    assert answer.status_code == 422
    assert 'href="#f-a-duree"' in answer.text
    assert visits(desk) == []


def test_an_empty_code_is_asked_for_again(desk: Desk) -> None:
    answer = desk.client().form("/counter/typed", code="")
    assert (answer.status_code, 'href="#f-code"' in answer.text) == (422, True)


def test_too_many_wrong_codes_are_a_plain_page(desk: Desk) -> None:
    client = desk.client()
    for number in range(10, 15):
        client.form("/counter/typed", code=f"{21:014d}{number:02d}")
    answer = client.form("/counter/typed", code=f"{21:014d}15")
    assert answer.status_code == 429
    assert "Réessayez dans" in answer.text


def test_a_visit_without_a_voucher_is_recorded_once(desk: Desk) -> None:
    client = desk.client()
    page = client.http.get("/counter/visit")
    assert faults(page.text) == []
    fields = {
        "key": hidden(page.text, "key"),
        "branch_id": hidden(page.text, "branch_id"),
        "note": "Téléphone perdu",
        "a-thematiques": ["email"],
    }
    for _ in range(2):
        assert "Le passage est enregistré" in client.form("/counter/visit", **fields).text
    visit = visits(desk)[0]
    assert (len(visits(desk)), visit.kind, visit.answers) == (1, "follow_up", {"thematiques": ["email"]})
    assert visit.note_sealed is not None
    assert b"perdu" not in visit.note_sealed
    assert client.form("/counter/visit", **{**fields, "note": "Autre"}).status_code == 422
    empty = client.form("/counter/visit", key=str(new_id()), branch_id="1")
    assert (empty.status_code, "vide" in empty.text) == (422, True)


def test_a_visit_names_a_person_by_reference_only(desk: Desk) -> None:
    person_id = desk.person()
    client = desk.client()
    code = desk.programme.digits(desk.programme.issue(person_id=person_id))
    reference = client.post("look", {"code": code}).get_json()["person_reference"]
    fields = {"branch_id": "1", "a-type_lieu": "autre"}
    wrong = client.form("/counter/visit", key=str(new_id()), reference="7K4M-0000", **fields)
    assert (wrong.status_code, 'href="#f-reference"' in wrong.text) == (422, True)
    assert client.form("/counter/visit", key=str(new_id()), reference=reference, **fields).status_code == 200
    assert visits(desk)[0].person_id == person_id
    volunteer = desk.client(Role.VOLUNTEER)
    assert 'name="reference"' not in volunteer.http.get("/counter/visit").text
    refused = volunteer.form("/counter/visit", key=str(new_id()), reference=reference, **fields)
    assert refused.status_code == 422


def test_the_list_of_the_day_leads_to_what_is_missing(desk: Desk) -> None:
    desk.ask_questions()
    client = desk.client()
    visit_id = client.scan(desk.programme.digits(desk.programme.issue())).get_json()["visit_id"]
    listed = client.http.get("/counter/visits").text
    assert "À compléter" in listed
    assert f"/counter/visits/{visit_id}" in listed
    page = client.http.get(f"/counter/visits/{visit_id}")
    assert faults(page.text) == []
    begun = client.form(f"/counter/visits/{visit_id}", **{"a-duree": "10"}).text
    assert ("Des questions restent sans réponse" in begun, "À compléter" in begun) == (True, True)
    answers = {
        "a-type_lieu": "lieu_activite",
        "a-autonomie": "autonome",
        "a-materiel": ["aucun"],
        "a-thematiques": ["email"],
        "a-duree": "15",
    }
    done = client.form(f"/counter/visits/{visit_id}", **answers, note="Suite", next_visit_on="2026-04-01")
    assert "Complet" in done.text
    assert visits(desk)[0].answers["duree"] == 15
    assert client.form(f"/counter/visits/{visit_id}", **{**answers, "a-duree": "-"}).status_code == 422
    desk.programme.later(days=1)
    late = desk.client().form(f"/counter/visits/{visit_id}", **answers)
    assert (late.status_code, "jour même" in late.text) == (409, True)


def test_another_branch_sees_none_of_it(desk: Desk) -> None:
    coordinator = desk.client(Role.COORDINATOR)
    theirs = coordinator.scan(desk.programme.digits(desk.programme.issue()), branch_id=2).get_json()
    client = desk.client()
    for path in (f"visits/{theirs['visit_id']}", f"scans/{theirs['scan_id']}", f"top-ups/{theirs['order_id']}"):
        assert client.http.get(f"/counter/{path}").status_code == 404, path
    assert client.form(f"/counter/visits/{theirs['visit_id']}").status_code == 404
    assert client.form("/counter/branch", branch_id="2").status_code == 422
    assert "Antenne Sud" in coordinator.form("/counter/branch", branch_id="2").text


def test_my_shift_lists_my_own_scans_with_their_top_ups(desk: Desk) -> None:
    client, other = desk.client(), desk.client(Role.VOLUNTEER)
    code = desk.programme.digits(desk.programme.issue())
    client.scan(code)
    client.scan(code)
    other.scan("https://example.org")
    mine = client.http.get("/counter/shift").text
    assert ("Accepté" in mine, "Déjà utilisé" in mine, "Pas un bon" in mine) == (True, True, False)
    assert "Recharge en cours, ne pas refaire." in mine
    assert "Pas un bon" in other.http.get("/counter/shift").text


def test_a_code_offer_is_shown_once_then_with_a_reason(desk: Desk) -> None:
    client = desk.client()
    voucher = desk.programme.issue(offer_id=desk.programme.code_id)
    body = client.scan(desk.programme.digits(voucher), number=None).get_json()
    assert body["outcome"] == "accepted"
    order_id = UUID(body["order_id"])
    none = client.post(f"orders/{order_id}/code", {})
    assert (none.status_code, none.get_json()["code"]) == (404, "not_found")
    secret = desk.bring_codes()
    desk.deliver()
    now = client.http.get(f"/counter/orders/{order_id}").get_json()
    assert now["progress"] == "code_ready"
    page = client.http.get(f"/counter/top-ups/{order_id}").text
    assert ("Afficher le code" in page, secret in page) == (True, False)
    first = client.post(f"orders/{order_id}/code", {}).get_json()
    assert (first["pin"], first["again"]) == (secret, False)
    second = client.post(f"orders/{order_id}/code", {})
    assert (second.status_code, second.get_json()["code"], second.get_json()["field"]) == (
        422,
        "reason_needed",
        "reason",
    )
    third = client.form(f"/counter/top-ups/{order_id}", reason="papier mouillé")
    assert secret in third.text
    with desk.programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 1
    assert client.http.get(f"/counter/orders/{order_id}").get_json()["progress"] == "confirmed"


def test_every_outcome_has_its_tone() -> None:
    assert set(TONES) == set(Outcome)


def test_every_outcome_stands_in_the_errors_page() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8").partition("## Outcomes of a scan")[2]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [outcome.value for outcome in Outcome]


def test_other_roles_do_not_come_in(desk: Desk) -> None:
    partner = desk.client(Role.PARTNER)
    assert partner.http.get("/counter/").status_code == 403
    assert partner.scan("1234").status_code in {400, 403}
    assert desk.app.test_client().get("/counter/").status_code == 302


def test_a_mistake_is_undone_from_one_s_own_list_without_javascript(desk: Desk) -> None:
    client, voucher = desk.client(), desk.programme.issue()
    scan_id = client.scan(desk.programme.digits(voucher), paid_cents=200).get_json()["scan_id"]
    page = client.http.get("/counter/shift").text
    assert faults(page) == []
    name = f"reason-{scan_id}"
    assert f'name="{name}"' in page
    empty = client.form(f"/counter/shift/{scan_id}/undo", **{name: "x"})
    assert (empty.status_code, f'href="#f-{name}"' in empty.text, faults(empty.text)) == (422, True, [])
    done = client.form(f"/counter/shift/{scan_id}/undo", **{name: "Mauvais numéro"})
    assert (done.status_code, faults(done.text)) == (200, [])
    assert "Le passage est annulé et le bon est rendu" in done.text
    assert "Passage annulé à l’antenne, bon rendu." in done.text
    assert "Mauvais numéro" in done.text
    assert f'name="{name}"' not in done.text
    assert "Passage annulé" in client.http.get("/counter/visits").text
    assert 'data-outcome="ok"' in client.http.get(f"/counter/scans/{scan_id}").text, "the scan keeps its outcome"
    assert desk.programme.findings() == []


def test_the_list_says_why_a_visit_is_no_longer_undone(desk: Desk) -> None:
    client = desk.client()
    sent = client.scan(desk.programme.digits(desk.programme.issue())).get_json()["scan_id"]
    desk.deliver()
    page = client.http.get("/counter/shift").text
    assert "La recharge est peut-être déjà partie" in page
    assert "<details" not in page
    refused = client.form(f"/counter/shift/{sent}/undo", **{f"reason-{sent}": "Mauvais numéro"})
    assert refused.status_code == 200
    assert refused.text.count("elle ne s’annule plus") == 2, "said above and in the row"
    client.scan(desk.programme.digits(desk.programme.issue()))
    desk.programme.later(minutes=11)
    assert "Plus de 10 minutes ont passé" in client.http.get("/counter/shift").text


def test_what_the_person_is_told_stands_on_the_result_in_each_language(desk: Desk) -> None:
    client, code = desk.client(), desk.programme.digits(desk.programme.issue())
    page = html.unescape(client.http.get("/counter/").text)
    assert "سيُرسل الرصيد فور عودة الشبكة" in page, "without a network as well"
    for said in (
        ("Votre recharge est en route", "رصيدك في الطريق إليك"),
        ("Ce bon a déjà servi", "استُعملت هذه القسيمة من قبل"),
    ):
        scan_id = client.scan(code).get_json()["scan_id"]
        result = client.http.get(f"/counter/scans/{scan_id}").text
        assert faults(result) == []
        for text in (*said, '<div lang="ar" dir="rtl">'):
            assert text in result, text
