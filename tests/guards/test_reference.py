"""docs/settings.md and docs/errors.md say what the code says."""

from __future__ import annotations

import ast
import re

import pytest

from tests.guards.tree import ROOT, product_code
from voucher_service import errors
from voucher_service.settings import Settings
from voucher_service.web.errors import CODES

SETTING = re.compile(r"^\| `([A-Z_]+)` \| `([^`]*)` \| (.+) \|$", re.MULTILINE)
ERROR = re.compile(r"^\| `([a-z_]+)` \| (\d{3}|–) \| .+ \| .+ \|$", re.MULTILINE)


def settings_of_class() -> list[tuple[str, str, str]]:
    """Return each setting's variable, default and meaning, as the page shows them."""
    found = []
    for name, field in Settings.model_fields.items():
        default = "see below" if field.default_factory else str(field.default) or "(empty)"
        found.append((name.upper(), default, field.description or ""))
    return found


def tree(kind: type[errors.ServiceError] = errors.ServiceError) -> list[type[errors.ServiceError]]:
    """Return an error class and all below it."""
    return [kind, *(found for below in kind.__subclasses__() for found in tree(below))]


def codes_given(text: str) -> set[str]:
    """Return the codes that a module gives as `code="…"` to an error of the tree."""
    kinds = {kind.__name__ for kind in tree()}
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    given = (word for call in calls if _name(call.func) in kinds for word in call.keywords if word.arg == "code")
    values = (word.value for word in given)
    return {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_the_settings_page_is_the_settings_class() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert SETTING.findall(page) == settings_of_class()


def test_the_errors_page_has_every_code_and_no_other() -> None:
    documented = [code for code, _ in ERROR.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))]
    given = {code for name in product_code() for code in codes_given((ROOT / name).read_text(encoding="utf-8"))}
    ours = {kind.code for kind in tree() if kind.__module__.startswith("voucher_service")}
    assert sorted(documented) == sorted(given | ours | set(CODES.values()) | {"csrf_failed", "http_error"})


def test_the_errors_page_has_the_statuses_of_the_tree() -> None:
    documented = dict(ERROR.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8")))
    for kind in tree():
        if kind.__module__ == errors.__name__:
            assert documented[kind.code] == str(kind.status), kind


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('raise Conflict("x", code="new_one")', {"new_one"}),
        ("raise errors.Conflict(code='told')", {"told"}),
        ("Attempt(code='absent')", set()),
        ("NotFound(code=a)", set()),
        ('x = "code"', set()),
    ],
)
def test_a_code_given_in_place_is_seen(text: str, codes: set[str]) -> None:
    assert codes_given(text) == codes
