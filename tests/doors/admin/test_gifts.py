"""Partners, agreements, allocations, offers and campaigns through the forms; two people above the threshold."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

from flask import Flask
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import services_of
from voucher_service.ids import local_day, new_id, utc_now
from voucher_service.ledger import audit
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import Agreement, Allocation, GiftNote, OfferTerms, Partner

TODAY = local_day(utc_now())
ENDS = TODAY + timedelta(days=100)


def a_gift(programme: Programme, **changes: object) -> dict[str, object]:
    """Return what the form of a right allocation sends."""
    fields: dict[str, object] = {
        "agreement_id": programme.agreement_id,
        "label": "Don de printemps",
        "unit": "eur_cent",
        "quantity": "1 250,50",
        "valid_from": TODAY,
        "valid_until": ENDS,
        "priority": 10,
        "cities": "Lyon",
    }
    return fields | changes


def gift(app: Flask, label: str = "Don de printemps") -> Allocation:
    """Return the allocation with this name."""
    with services_of(app).database.read() as session:
        return session.scalars(select(Allocation).where(Allocation.label == label)).one()


def test_a_partner_and_its_agreement_are_recorded(app: Flask, awa: Desk) -> None:
    page = awa.follow("/admin/partners/new", name="  Opérateur   Lumière ")
    assert "Opérateur Lumière" in page.text
    with services_of(app).database.read() as session:
        partner = session.scalars(select(Partner).where(Partner.name == "Opérateur Lumière")).one()
    awa.follow(
        "/admin/partners/agreements/new",
        partner_id=partner.id,
        reference="C-7",
        signed_on=TODAY,
        valid_from=TODAY,
        valid_until=ENDS,
    )
    with services_of(app).database.read() as session:
        assert session.scalars(select(Agreement.reference)).all() == ["C-7"]
    again = awa.send("/admin/partners/new", name="Opérateur Lumière")
    assert (again.status_code, faults(again)[0][0]) == (409, "name")


def test_a_gift_above_the_threshold_waits_for_someone_else(
    app: Flask, awa: Desk, marc: Desk, programme: Programme
) -> None:
    asked = awa.send("/admin/allocations/new", **a_gift(programme))
    assert asked.status_code == 200
    assert "1\u202f250,50\u00a0€" in asked.text
    assert "une autre personne devra donner son accord" in asked.text
    page = awa.follow("/admin/allocations/new", step="confirm", **a_gift(programme))
    made = gift(app)
    assert (made.state, made.quantity) == ("pending", int(Decimal("1250.50") * 100))
    assert "elle attend une autre personne" in page.text
    assert "Donner mon accord" not in page.text
    refused = awa.follow(f"/admin/allocations/{made.id}/approve")
    assert "une autre personne doit l’approuver" in refused.text
    assert gift(app).state == "pending"
    assert "Donner mon accord" in marc.get(f"/admin/allocations/{made.id}").text
    marc.follow(f"/admin/allocations/{made.id}/approve")
    assert gift(app).state == "open"


def test_one_person_pressing_many_times_at_once_never_approves_alone(
    app: Flask, awa: Desk, programme: Programme
) -> None:
    awa.follow("/admin/allocations/new", step="confirm", **a_gift(programme))
    path = f"/admin/allocations/{gift(app).id}/approve"
    threads = [threading.Thread(target=Desk(_copy(app, awa)).send, args=(path,)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert gift(app).state == "pending"


def _copy(app: Flask, desk: Desk):  # type: ignore[no-untyped-def]  # a test client with the same cookies
    client = app.test_client()
    cookie = desk.client.get_cookie("session")
    assert cookie is not None
    client.set_cookie("session", cookie.value)
    return client


def test_a_declined_gift_never_enters_the_books(app: Flask, awa: Desk, marc: Desk, programme: Programme) -> None:
    awa.follow("/admin/allocations/new", step="confirm", **a_gift(programme))
    made = gift(app)
    marc.follow(f"/admin/allocations/{made.id}/decline")
    late = awa.follow(f"/admin/allocations/{made.id}/decline")
    assert "a été refusée" in late.text
    with services_of(app).database.read() as session:
        assert balances(session, made.id) == {}


def test_value_goes_back_to_the_donor_once_with_its_reason(
    app: Flask, awa: Desk, marc: Desk, programme: Programme
) -> None:
    path, key = f"/admin/allocations/{programme.allocation_id}/return", str(new_id())
    sent = {"quantity": "12,50", "reason": "Trop perçu", "key": key}
    assert "Rendre au donateur" in awa.send(path, **sent).text
    for _twice in range(2):
        awa.follow(path, step="confirm", **sent)
    gift_page = f"/admin/allocations/{programme.allocation_id}"
    assert "une autre personne doit donner son accord" in awa.get(gift_page).text
    agree = f"/admin/endings/{programme.allocation_id}/leavings/{key}/agree"
    assert "une autre personne doit donner son accord" in awa.follow(agree).text
    with services_of(app).database.read() as session:
        assert AccountKind.RETURNED_TO_DONOR not in balances(session, programme.allocation_id)
    assert "Proposé : rendre" in marc.get(gift_page).text
    for _twice in range(2):
        marc.follow(agree)
    with services_of(app).database.read() as session:
        held = balances(session, programme.allocation_id)
        assert held[AccountKind.RETURNED_TO_DONOR] == 12_50
        assert session.scalars(select(GiftNote.reason)).all() == ["Trop perçu"]
        assert list(audit.audit(session)) == []
    assert "« Trop perçu »" in awa.get(f"/admin/allocations/{programme.allocation_id}").text
    too_much = awa.send(path, step="confirm", quantity="1000", reason="Trop perçu", key=str(new_id()))
    assert too_much.status_code == 409
    assert faults(too_much)


def test_terms_are_dated_and_typed_in_euros(app: Flask, awa: Desk, programme: Programme) -> None:
    tomorrow = TODAY + timedelta(days=1)
    sent = {"quantity": "7,5", "face_value_cents": "7,50", "price_cents": "0", "validity_days": 60}
    awa.follow(f"/admin/offers/{programme.offer_id}/terms", effective_from=tomorrow, **sent)
    with services_of(app).database.read() as session:
        row = session.get_one(OfferTerms, (programme.offer_id, tomorrow))
        assert (row.quantity, row.face_value_cents, row.price_cents) == (750, 750, 0)
    today = awa.send(f"/admin/offers/{programme.offer_id}/terms", effective_from=TODAY, **sent)
    assert (today.status_code, faults(today)[0][0]) == (409, "effective_from")


def test_a_campaign_pauses_and_changes_its_offers(awa: Desk, programme: Programme) -> None:
    path = f"/admin/campaigns/{programme.campaign_id}"
    assert "Campagne en pause" in awa.follow(f"{path}/pause").text
    assert programme.what not in awa.get("/admin/vouchers/new").text
    awa.follow(f"{path}/resume")
    assert programme.what in awa.get("/admin/vouchers/new").text
    awa.follow(f"{path}/offers", offers=str(programme.code_offer_id))
    assert programme.what not in awa.get("/admin/vouchers/new").text


def test_a_higher_threshold_begins_tomorrow(awa: Desk, programme: Programme) -> None:
    sent = {"unit": "eur_cent", "quantity": "5000"}
    now = awa.send("/admin/thresholds/new", effective_from=TODAY, **sent)
    assert (now.status_code, faults(now)[0][0]) == (422, "effective_from")
    assert "5\u202f000" in awa.follow("/admin/thresholds/new", effective_from=TODAY + timedelta(days=1), **sent).text


def test_the_end_of_a_gift_is_shown_counted_and_its_rule_is_dated(awa: Desk, programme: Programme) -> None:
    assert "Aucune dotation ne finit bientôt" in awa.get("/admin/endings/").text
    far = awa.follow(f"/admin/endings/{programme.allocation_id}/count")
    assert "ne finit pas bientôt" in far.text
    soon = a_gift(programme) | {"label": "Fin proche", "quantity": "100", "valid_until": TODAY + timedelta(days=20)}
    awa.follow("/admin/allocations/new", step="confirm", **soon)
    page = awa.get("/admin/endings/").text
    assert "Fin proche" in page
    assert "Ensuite, le" in page
    assert "Compter ce qui reste" in page
    number = page.partition("/count")[0].rpartition("/")[2]
    counted = awa.follow(f"/admin/endings/{number}/count").text
    assert "Reste compté par" in counted
    assert "une autre personne doit signer" in counted
    assert "une autre personne doit signer" in awa.follow(f"/admin/endings/{number}/sign").text
    wrong = awa.send("/admin/endings/stop", stop_days="99", effective_from=TODAY + timedelta(days=1))
    assert (wrong.status_code, faults(wrong)[0][0]) == (422, "stop_days")
    assert (
        "La règle est enregistrée"
        in awa.follow("/admin/endings/stop", stop_days="15", effective_from=TODAY + timedelta(days=1)).text
    )


def test_a_delay_is_set_for_statements_to_come(awa: Desk, programme: Programme) -> None:
    page = f"/admin/partners/{programme.partner_id}/tolerance/"
    assert "couvrent pas 1 jour" in awa.get(page).text
    sent = {"days": "0", "most_days": "0", "effective_from": TODAY}
    for wrong, field in (({"days": "x"}, "days"), ({"most_days": "93"}, "most_days"), ({"days": "2"}, "most_days")):
        answer = awa.send(f"{page}grace", **sent | wrong)
        assert (answer.status_code, [name for name, _ in faults(answer)]) == (422, [field])
    assert "aussitôt un écart" in awa.follow(f"{page}grace", **sent).text
    assert "déjà fixé pour ce jour" in awa.follow(f"{page}grace", **sent).text


def test_a_tolerance_is_set_from_tomorrow_on(awa: Desk, programme: Programme) -> None:
    page = f"/admin/partners/{programme.partner_id}/tolerance/"
    assert "aucune" in awa.get(page).text
    sent = {"unit": "eur_cent", "each": "0,02", "most": "0,50", "effective_from": TODAY + timedelta(days=1)}
    for wrong, field in (
        ({"effective_from": TODAY}, "effective_from"),
        ({"most": "0,01"}, "most"),
        ({"each": "x"}, "each"),
    ):
        assert [name for name, _ in faults(awa.send(f"{page}new", **sent | wrong))] == [field]
    assert "à venir" in awa.follow(f"{page}new", **sent).text
    assert awa.get(f"/admin/partners/{new_id()}/tolerance/").status_code == 404
