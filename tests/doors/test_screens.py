"""The parts that every page is made of: rendered together, under the rules that the doors rely on."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask import render_template

from tests.doors.gallery import TEMPLATES, make_app

ERRORS = sorted(path.name for path in (TEMPLATES / "errors").glob("[0-9]*.html"))


class Outline(HTMLParser):
    """What the rules below look at: every tag with its attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def faults(page: str) -> list[str]:
    """Return what in `page` the content policy would block, or a screen reader could not follow."""
    tags = Outline(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    found = [f"id twice: {one}" for one in sorted({str(one) for one in ids if ids.count(one) > 1})]
    for tag, attrs in tags:
        if tag == "style" or "style" in attrs or any(name.startswith("on") for name in attrs):
            found.append(f"inline style or handler: {tag}")
        if tag == "script" and not attrs.get("src"):
            found.append("inline script")
        points = f"{attrs.get('aria-describedby', '')} {attrs.get('aria-labelledby', '')}".split()
        found += [f"points to nothing: {one}" for one in points if one not in ids]
        target = attrs.get("for") if tag == "label" else None
        if target and target not in ids:
            found.append(f"label of nothing: {target}")
    used = {str(attrs["href"])[1:] for tag, attrs in tags if tag == "use"}
    return found + [f"no such icon: {one}" for one in sorted(used - set(map(str, ids)))]


@pytest.fixture
def page() -> str:
    """The gallery as a browser gets it."""
    answer = make_app().test_client().get("/")
    assert answer.status_code == 200
    return answer.text


def test_every_part_stands_under_the_rules(page: str) -> None:
    assert faults(page) == []


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ('<p style="color:red">', "inline style or handler: p"),
        ('<a onclick="x()">', "inline style or handler: a"),
        ("<script>1</script>", "inline script"),
        ('<input aria-describedby="h-none">', "points to nothing: h-none"),
        ('<label for="f-none">', "label of nothing: f-none"),
        ('<svg><use href="#i-none-such"/></svg>', "no such icon: i-none-such"),
        ('<i id="main"></i>', "id twice: main"),
    ],
)
def test_each_fault_would_be_found(page: str, planted: str, fault: str) -> None:
    assert faults(page.replace("</main>", planted + "</main>")) == [fault]


def test_what_people_write_is_escaped(page: str) -> None:
    assert 'value="&lt;b&gt;&#34;Léa&#34;&lt;/b&gt;"' in page


def test_an_error_is_tied_to_its_field_and_listed(page: str) -> None:
    assert '<a href="#f-phone">Écrivez un numéro' in page
    assert re.search(r'<input id="f-phone"[^>]* aria-describedby="h-phone e-phone" aria-invalid="true"', page)
    assert re.search(r'<a href="#f-offer">Choisissez', page)
    assert re.search(r'name="offer" value="a" id="f-offer"', page)


def test_every_form_that_changes_something_carries_its_token(page: str) -> None:
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    assert len(forms) == 4
    assert all('name="csrf_token" value="' in form for form in forms)


def test_each_cell_of_a_table_names_its_column(page: str) -> None:
    cells = re.findall(r"<td[^>]*>", page)
    assert len(cells) == 20
    assert all('data-label="' in cell for cell in cells)


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_says_what_to_do_and_needs_nothing(name: str) -> None:
    """Rendered without any context: an error page must not fail in its turn."""
    app = make_app()
    with app.test_request_context():
        page = render_template(f"errors/{name}")
    assert faults(page) == []
    assert re.search(r"<title>[^<]{10,} · Coup de Pouce</title>", page)
    assert re.search(r"<h1>[^<]{10,}</h1>", page)
    assert re.search(r"<h2>Que faire maintenant \?</h2>\s*<p>[^<]{20,}</p>", page)


def test_the_error_pages_are_those_the_service_answers_with() -> None:
    expected = [f"{status}.html" for status in (400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503)]
    assert expected == ERRORS


def test_a_confirmation_page_asks_for_the_reason() -> None:
    app = make_app()
    with app.test_request_context():
        page = render_template(
            "confirm.html",
            question="Annuler 12 bons ?",
            rows=[("Bons", "12")],
            action_href="/a",
            action_label="Annuler les bons",
            cancel_href="/b",
            tone="danger",
            reason=True,
            hidden={"lot": 7},
            errors={"reason": "Dites pourquoi."},
        )
    assert faults(page) == []
    assert '<button class="button danger">Annuler les bons</button>' in page
    assert '<input type="hidden" name="lot" value="7">' in page
    assert '<a href="#f-reason">Dites pourquoi.</a>' in page
