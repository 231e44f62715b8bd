"""What a coordinator does on the pages of the back office, step by step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pypdfium2
from playwright.sync_api import Page, expect

from tests.unit.vouchers.decoders import read_zxing
from voucher_service.ids import local_day, utc_now

TODAY = local_day(utc_now())
ENDS = (TODAY + timedelta(days=200)).isoformat()
LATER = (TODAY + timedelta(days=300)).isoformat()


def fill(page: Page, **fields: str) -> None:
    """Fill the form in by the names of its fields: texts are typed, lists and boxes chosen by their words."""
    for name, value in fields.items():
        box = page.locator(f'main [name="{name}"]').first
        kind = box.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            box.select_option(label=value)
        elif kind in {"radio", "checkbox"}:
            page.get_by_label(value, exact=True).check()
        else:
            box.fill(value)


def press(page: Page, name: str) -> None:
    """Press the button with these words."""
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def heading(page: Page, words: str) -> None:
    """Check where we are."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def give(page: Page) -> None:
    """Set the threshold, then a partner, an agreement and a gift above it."""
    page.goto("/admin/thresholds/new")
    fill(page, unit="Euros de crédit", quantity="100")
    press(page, "Enregistrer")
    page.goto("/admin/partners/new")
    fill(page, name="Opérateur Lumière")
    press(page, "Enregistrer")
    heading(page, "Nouvelle convention")
    fill(page, partner_id="Opérateur Lumière", reference="C-2026-04", valid_until=LATER)
    press(page, "Enregistrer")
    page.goto("/admin/allocations/new")
    fill(page, agreement_id="Opérateur Lumière · C-2026-04", label="Recharges d’hiver", quantity="1 250,50")
    press(page, "Continuer")
    heading(page, "Nouvelle dotation")  # the last day is missing: told at its field, the rest kept
    expect(page.locator(".error-summary")).to_contain_text("Renseignez ce champ")
    assert page.locator('[name="quantity"]').input_value() == "1 250,50"
    fill(page, valid_until=ENDS)
    press(page, "Continuer")
    heading(page, "Enregistrer cette dotation ?")
    expect(page.locator("main")).to_contain_text("1\u202f250,50\u00a0€")
    expect(page.locator("main")).to_contain_text("une autre personne devra donner son accord")
    press(page, "Enregistrer")
    heading(page, "Recharges d’hiver")
    expect(page.locator("main")).to_contain_text("elle attend une autre personne")
    assert page.get_by_role("button", name="Donner mon accord").count() == 0


def agree(page: Page, path: str) -> None:
    """The second person agrees."""
    page.goto(path)
    press(page, "Donner mon accord")


def offer(page: Page) -> None:
    """Create an offer, and a campaign that gives it."""
    page.goto("/admin/offers/new")
    fill(
        page,
        name_fr="Recharge 5 €",
        name_en="€5 top-up",
        partner_id="Opérateur Lumière",
        product_code="TOPUP5",
        quantity="5",
        face_value_cents="5,00",
        price_cents="1,50",
    )
    press(page, "Créer l’offre")
    heading(page, "Recharge 5 €")
    page.goto("/admin/campaigns/new")
    fill(page, name="Hiver connecté", ends_on=ENDS, offers="Recharge 5 €")
    press(page, "Continuer")
    heading(page, "Règles de Hiver connecté")
    press(page, "Enregistrer les règles")
    heading(page, "Hiver connecté")


def ask_batch(page: Page) -> str:
    """Ask for 24 vouchers, 120 euros: above the threshold. Return the batch's address."""
    page.goto("/admin/batches/new")
    fill(
        page,
        what="Hiver connecté · Recharge 5 €",
        label="Maraude de décembre",
        quantity="24",
        branch_id="Lyon Guillotière",
    )
    press(page, "Continuer")
    heading(page, "Émettre ce lot de bons ?")
    expect(page.locator("main")).to_contain_text("120\u00a0€")
    press(page, "Modifier")
    assert page.locator('[name="quantity"]').input_value() == "24"
    press(page, "Continuer")
    press(page, "Demander le lot")
    heading(page, "Maraude de décembre")
    expect(page.locator("main")).to_contain_text("il attend une autre personne")
    return page.url


def codes_of(pdf: Path) -> set[str]:
    """Read the codes of every page back, as a printer would draw them."""
    found: set[str] = set()
    for page in pypdfium2.PdfDocument(pdf):
        found.update(read_zxing(page.render(scale=300 / 72, grayscale=True).to_numpy().squeeze()))
    return found
