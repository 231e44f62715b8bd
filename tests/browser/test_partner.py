"""The partner's door in a real browser: from a file to "0 ligne inexpliquée", each difference named, nothing kept
of a broken file. The top-ups went through the real features; the statement is the sample's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from tests.browser.conftest import OpenContext
from tests.desk import PASSWORD, Desk
from voucher_service.ids import local_day
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.staff.models import Role, Staff

pytestmark = pytest.mark.browser
Screenshot = Callable[[Page, str], Path]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Four top-ups on the books: two delivered, one refused, one whose answer was lost."""
    made = Desk.make(sqlite_url, tmp_path)
    for suffix in ("100", "101", "106", "108"):
        code = made.programme.digits(made.programme.issue())
        made.programme.scan(code, number=f"+33612345{suffix}")
    made.deliver()
    yield made
    made.close()


@pytest.fixture
def url(desk: Desk) -> Iterator[str]:
    """The address of the doors; nothing is delivered behind the test's back."""
    with desk.serving() as server:
        desk.worker.stop()
        yield server.address


@pytest.fixture
def statement(desk: Desk) -> bytes:
    """What the partner would send for the day."""
    day = local_day(desk.programme.now)
    with desk.programme.database.read() as session:
        return make_statement_csv(session, desk.programme.partner_id, day, day)


def signed_in(open_context: OpenContext, desk: Desk, url: str, *, javascript: bool = True, **look: str) -> Page:
    page = open_context(base_url=url, javascript=javascript, **look).new_page()  # type: ignore[arg-type]  # literals
    page.goto("/sign-in?next=/partner/")
    page.get_by_label("Identifiant").fill(desk.login(Role.PARTNER))
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Opérateur Un")
    return page


def send(page: Page, content: bytes) -> None:
    page.get_by_role("link", name="Opérateur Un").or_(page.get_by_role("link", name="Déposer un relevé")).first.click()
    if page.get_by_role("link", name="Déposer un relevé").count():
        page.get_by_role("link", name="Déposer un relevé").click()
    page.get_by_label("Relevé au format CSV ou Excel").set_input_files(
        {"name": "mars.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Vérifier le fichier").click()


def title(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def kept(desk: Desk) -> int:
    with desk.programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(Statement)) or 0


@pytest.mark.parametrize("javascript", [True, False])
def test_a_right_statement_ends_at_zero_unexplained_lines(
    open_context: OpenContext, desk: Desk, url: str, statement: bytes, *, javascript: bool
) -> None:
    page = signed_in(open_context, desk, url, javascript=javascript)
    expect(page.get_by_role("heading", name="Aucun relevé")).to_be_visible()
    send(page, statement)
    title(page, "Vérifier le relevé")
    expect(page.get_by_text("Total de contrôle vérifié")).to_be_visible()
    expect(page.get_by_text("livrée : 3 · refusée : 1")).to_be_visible()
    assert kept(desk) == 0
    page.get_by_role("button", name="Importer et rapprocher").click()
    title(page, "0 ligne inexpliquée")
    expect(page.get_by_text("Le relevé et nos livres sont d’accord")).to_be_visible()
    page.get_by_role("link", name="lignes du relevé").click()
    expect(page.get_by_text("D’accord")).to_have_count(4)
    page.goto("/partner/")
    expect(page.get_by_text("0 ligne inexpliquée")).to_be_visible()
    assert desk.programme.findings() == []


@pytest.mark.parametrize("javascript", [True, False])
def test_each_difference_of_a_corrupted_statement_is_named_and_exported(
    open_context: OpenContext, desk: Desk, url: str, statement: bytes, *, javascript: bool
) -> None:
    # Without the column of line numbers, whose gaps would reject the file whole.
    head, *rows = [row.partition(";")[2] for row in statement.decode("utf-8-sig").splitlines()[:-1]]
    paid = [row for row in rows if "Livré" in row]
    changed = [row.replace("Refusé", "Livré") for row in rows if row not in paid]
    stranger = "inconnue-7;inconnue-7;;5,00;EUR;Livré;" + paid[0].rpartition(";")[2]
    lines = [head, paid[0].replace(";5,00;", ";7,00;"), *changed, paid[2], stranger]  # and paid[1] is left out
    page = signed_in(open_context, desk, url, javascript=javascript)
    send(page, "\r\n".join(lines).encode())
    expect(page.get_by_text("Il n’annonce ni nombre de lignes ni somme")).to_be_visible()
    page.get_by_role("button", name="Importer et rapprocher").click()
    title(page, "3 écarts à traiter")  # and one the next statement may explain
    for words in (
        "Montant différent", "Attendue dans le relevé suivant", "Inconnue chez nous",
        "Refusée chez nous, livrée chez l’opérateur",
    ):  # fmt: skip
        expect(page.get_by_role("article").get_by_role("heading", name=words)).to_have_count(1)
    expect(page.get_by_text("La ligne 2 dit 7 € ; nous avons commandé 5 €.")).to_be_visible()
    expect(page.get_by_text("s’il est faux, envoyez un relevé corrigé")).to_be_visible()
    expect(page.get_by_role("button", name="Marquer comme expliqué")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Exporter les écarts (CSV)").click()
    exported = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(exported) == 5
    assert any(row.startswith("amount_differs;2;Montant différent;2;") for row in exported)
    page.get_by_role("link", name="Montant différent").first.click()
    expect(page.get_by_role("article")).to_have_count(1)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_broken_file_names_line_and_column_and_nothing_is_kept(
    open_context: OpenContext, desk: Desk, url: str, statement: bytes, *, javascript: bool
) -> None:
    page = signed_in(open_context, desk, url, javascript=javascript)
    send(page, statement.replace(b";5,00;", b";cinq;", 1))
    expect(page.get_by_role("alert")).to_contain_text("ligne 2, colonne Quantité : « cinq »")
    expect(page.get_by_text("Le fichier est refusé en entier : rien n’en est enregistré.")).to_be_visible()
    assert kept(desk) == 0
    page.get_by_role("link", name="Voir et changer la façon de le lire").click()
    expect(page.get_by_role("alert")).to_contain_text("ligne 2, colonne Quantité : « cinq »")
    assert kept(desk) == 0


def test_another_partners_statement_does_not_exist(
    open_context: OpenContext, desk: Desk, url: str, statement: bytes
) -> None:
    page = signed_in(open_context, desk, url)
    send(page, statement)
    page.get_by_role("button", name="Importer et rapprocher").click()
    title(page, "0 ligne inexpliquée")
    address = page.url
    with desk.programme.database.begin() as session:
        other = Partner(id=desk.programme.issue().id, name="Opérateur Deux", created_at=desk.programme.now)
        session.add(other)
        session.flush()
        session.get_one(Staff, desk.staff(Role.PARTNER).id).partner_id = other.id
    for path in (address, f"{address}/lines", f"{address}/differences.csv"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404
    page.goto("/partner/")
    title(page, "Opérateur Deux")
    expect(page.get_by_role("heading", name="Aucune dotation")).to_be_visible()


@pytest.mark.parametrize("device", ["telephone", "desktop"])
def test_no_page_is_wider_than_the_screen(
    open_context: OpenContext, desk: Desk, url: str, statement: bytes, screenshot: Screenshot, device: str
) -> None:
    page = signed_in(open_context, desk, url, device=device)

    def look(name: str) -> None:
        screenshot(page, f"partner-{name}-{device}")
        assert page.evaluate(WIDER) == 0, name

    look("empty")
    send(page, statement.replace(b";5,00;", b";cinq;", 1))
    look("broken")
    send(page, statement.replace(b";5,00;", b";7,00;", 1).replace(b"TOTAL;4;20,00", b"TOTAL;4;22,00"))
    look("preview")
    page.get_by_role("button", name="Importer et rapprocher").click()
    look("differences")
    page.get_by_role("link", name="lignes du relevé").click()
    look("lines")
    page.goto("/partner/")
    look("overview")
