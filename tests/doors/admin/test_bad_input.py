"""Whatever is typed, a form answers with the field and the remedy, keeps what was typed, and records nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.doors.admin.conftest import Desk, Programme, faults
from voucher_service.ids import local_day, new_id, utc_now

TODAY = local_day(utc_now())
PAST = TODAY - timedelta(days=1)
ENDS = TODAY + timedelta(days=100)
LONG = "x" * 5000
GIFT: dict[str, object] = {
    "label": "Don",
    "unit": "eur_cent",
    "quantity": "10",
    "valid_from": TODAY,
    "valid_until": ENDS,
}
TERMS: dict[str, object] = {
    "effective_from": TODAY,
    "quantity": "5",
    "face_value_cents": "5",
    "price_cents": "0",
    "validity_days": "30",
}
OFFER = TERMS | {
    "code": "9",
    "name_fr": "R",
    "name_en": "R",
    "unit": "eur_cent",
    "route": "sandbox",
    "product_code": "P",
}
RULES: dict[str, object] = {
    "effective_from": TODAY,
    "cap_cents": "30",
    "cap_days": "30",
    "cycle_months": "6",
    "renewals": "1",
    "draw_down": "priority",
    "next_visit_days": "30",
}
ACCOUNT: dict[str, object] = {"login": "awa.d", "name": "Awa", "role": "counter"}

# Form, what is sent, and the field that must be named. {agreement}, {partner}… stand for what is there.
CASES: list[tuple[str, dict[str, object], str]] = [
    ("partners/new", {}, "name"),
    ("partners/new", {"name": LONG}, "name"),
    ("partners/new", {"name": "a\x00b"}, "name"),
    ("partners/new", {"name": "Télécom Solidaire"}, "name"),
    ("partners/agreements/new", {"partner_id": "x", "reference": "C", "signed_on": TODAY}, "partner_id"),
    (
        "partners/agreements/new",
        {"partner_id": "{partner}", "reference": "C", "signed_on": TODAY, "valid_from": TODAY, "valid_until": PAST},
        "valid_until",
    ),
    ("allocations/new", GIFT, "agreement_id"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "quantity": "12,505"}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "quantity": "-5"}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "quantity": "0"}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "quantity": "1e9"}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "quantity": "9" * 16}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "unit": "piece", "quantity": "1,5"}, "quantity"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "unit": "louis d’or"}, "unit"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "valid_until": PAST}, "valid_until"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "valid_from": "hier"}, "valid_from"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "priority": "beaucoup"}, "priority"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "cities": "Atlantis", "step": "confirm"}, "form"),
    ("allocations/new", GIFT | {"agreement_id": "{agreement}", "label": "Don d’hiver", "step": "confirm"}, "label"),
    ("allocations/{allocation}/return", {"quantity": "1"}, "reason"),
    ("allocations/{allocation}/return", {"quantity": "peu", "reason": "Trop perçu"}, "quantity"),
    ("allocations/{allocation}/write-off", {"quantity": "1", "reason": "x"}, "reason"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "code": "1"}, "code"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "code": "70000"}, "code"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "price_cents": "gratuit"}, "price_cents"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "face_value_cents": "99999999"}, "face_value_cents"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "quantity": "200000"}, "quantity"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "effective_from": PAST}, "effective_from"),
    ("offers/new", OFFER | {"partner_id": "{partner}", "route": "pigeon"}, "route"),
    ("offers/{offer}/terms", TERMS | {"validity_days": "0"}, "validity_days"),
    ("campaigns/new", {"name": "Été", "starts_on": TODAY, "ends_on": PAST}, "ends_on"),
    ("campaigns/new", {"name": "Hiver connecté", "starts_on": TODAY, "ends_on": ENDS}, "name"),
    ("campaigns/new", {"name": "Été", "starts_on": TODAY, "ends_on": ENDS, "offers": "x"}, "offers"),
    ("campaigns/{campaign}/rules", RULES | {"cap_cents": "1.234,5"}, "cap_cents"),
    ("campaigns/{campaign}/rules", RULES | {"cap_days": "400"}, "cap_days"),
    ("campaigns/{campaign}/rules", RULES | {"draw_down": "hasard"}, "draw_down"),
    ("vouchers/new", {"what": "x"}, "what"),
    ("vouchers/new", {"what": "{what}", "key": "x"}, "form"),
    ("vouchers/new", {"what": "{what}", "person": "7K4M"}, "form"),
    ("vouchers/new", {"what": "{what}", "branch_id": "9" * 30}, "branch_id"),
    ("vouchers/search", {}, "code"),
    ("vouchers/search", {"code": "1234 5678 9012 3456"}, "code"),
    ("vouchers/search", {"code": "1-" + "9" * 18}, "code"),
    ("vouchers/search", {"code": LONG}, "code"),
    ("batches/new", {"what": "{what}", "label": "Lot"}, "quantity"),
    ("batches/new", {"what": "{what}", "label": "Lot", "quantity": "0"}, "quantity"),
    ("batches/new", {"what": "{what}", "label": "Lot", "quantity": "1000001"}, "quantity"),
    ("batches/new", {"what": "{what}", "label": "Lot", "quantity": "3", "branch_id": "999"}, "branch_id"),
    ("people/new", {"phone": "01 23 45 67 89"}, "phone"),
    ("people/new", {"phone": "abc"}, "phone"),
    ("people/new", {"birth_year": "1200"}, "birth_year"),
    ("people/new", {"language": "français"}, "language"),
    ("people/new", {"branch_id": "999"}, "branch_id"),
    ("people/search", {"text": "7K4M-2XQ8"}, "text"),
    ("people/search", {"text": "06 12"}, "text"),
    ("stock/import", {"partner_id": "{partner}"}, "file"),
    ("team/new", ACCOUNT | {"login": "É"}, "login"),
    ("team/new", ACCOUNT | {"login": "coordination"}, "login"),
    ("team/new", ACCOUNT | {"role": "roi"}, "role"),
    ("team/new", ACCOUNT | {"role": "partner"}, "partner_id"),
    ("team/new", ACCOUNT | {"branch_ids": "999"}, "branch_ids"),
    ("branches/new", {"name": "A", "city": "B", "address": "C"}, "hours"),
    ("branches/new", {"name": "Lyon Guillotière", "city": "B", "address": "C", "hours": "D"}, "name"),
    ("thresholds/new", {"unit": "sms", "quantity": "dix", "effective_from": TODAY}, "quantity"),
]


@pytest.mark.usefixtures("app")
def test_each_fault_is_named_at_its_field(awa: Desk, programme: Programme) -> None:
    known = {
        "partner": programme.partner_id,
        "agreement": programme.agreement_id,
        "allocation": programme.allocation_id,
        "offer": programme.offer_id,
        "campaign": programme.campaign_id,
        "what": programme.what,
    }
    wrong = []
    for path, fields, field in CASES:
        sent = {name: str(value).format_map(known) if "{" in str(value) else value for name, value in fields.items()}
        answer = awa.send(f"/admin/{path.format_map(known)}", **({"key": str(new_id())} | sent))
        named = [name for name, _sentence in faults(answer)]
        if answer.status_code not in {404, 409, 422} or field not in named:
            wrong.append((path, str(fields)[:120], answer.status_code, named))
    assert wrong == []


def test_what_was_typed_stays(awa: Desk, programme: Programme) -> None:
    sent = GIFT | {"agreement_id": programme.agreement_id, "label": "<b>Don</b>", "valid_until": "", "cities": "Lyon"}
    page = awa.send("/admin/allocations/new", **sent).text
    assert 'value="&lt;b&gt;Don&lt;/b&gt;"' in page
    assert f'value="{programme.agreement_id}" selected' in page
    assert 'value="Lyon" id="f-cities" checked' in page or 'value="Lyon" checked' in page


def test_a_form_without_its_token_does_nothing(app: Flask, awa: Desk) -> None:
    assert awa.client.post("/admin/partners/new", data={"name": "Sans jeton"}).status_code == 400
