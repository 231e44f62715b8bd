"""What the repository says, shows and asks for."""

from __future__ import annotations

import pytest

from tests.guards import text_rules
from tests.guards.tree import Checker, faults, own, tracked

CODE = (".py", ".js", ".html", ".css", ".md", ".toml", ".sh", ".yml", ".yaml", ".svg", "Makefile", ".ci/run")
HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize("rule", [text_rules.machine_path, text_rules.registry])
def test_the_project_speaks_of_itself_alone(rule: Checker) -> None:
    assert faults(rule, [name for name in tracked() if "/vendor/" not in name]) == []


def test_nothing_is_left_unfinished() -> None:
    assert faults(text_rules.unfinished, own(*CODE)) == []


def test_pages_hold_no_code() -> None:
    pages = own(".html")
    assert [fault for name in pages for fault in faults(text_rules.inline_code, [name])] == []


def test_each_requirement_says_why() -> None:
    assert faults(text_rules.unexplained_requirement, ["requirements.in", "requirements-dev.in"]) == []


def test_each_pin_carries_its_hash() -> None:
    assert faults(text_rules.unhashed_pin, ["requirements.txt", "requirements-dev.txt"]) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (text_rules.machine_path, "see /" + "work/x"),
        (text_rules.machine_path, "'/" + "root/.cache'"),
        (text_rules.machine_path, "=/" + "home/ada/x"),
        (text_rules.registry, "https://" + "pypi.org/" + "simple"),
        (text_rules.registry, "--index" + "-url https://example.org"),
        (text_rules.registry, "x\n--extra-" + "index-url https://example.org"),
        (text_rules.unfinished, "x = 1  # TO" + "DO later"),
        (text_rules.unfinished, "raise Not" + "ImplementedError"),
        (text_rules.inline_code, "<script>let a</script>"),
        (text_rules.inline_code, "<script\n type='module'>let a</script>"),
        (text_rules.inline_code, "<style>p {}</style>"),
        (text_rules.inline_code, '<p class="a" style="color: red">'),
        (text_rules.inline_code, "<p style='{{ x }}'>"),
        (text_rules.inline_code, '<button title="a > b" onclick="go()">'),
        (text_rules.inline_code, '<button hx-on:click="go()">'),
        (text_rules.inline_code, '<a href="javascript:go()">'),
        (text_rules.unexplained_requirement, "flask"),
        (text_rules.unexplained_requirement, "flask #"),
        (text_rules.unhashed_pin, "flask==3.1.3\n"),
        (text_rules.unhashed_pin, f"a==1 \\\n    {HASH}\nb==2\n"),
        (text_rules.unhashed_pin, f"flask>=3 {HASH}\n"),
    ],
)
def test_a_planted_violation_is_caught(rule: Checker, text: str) -> None:
    assert len(rule("file", text)) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (text_rules.machine_path, "https://example.org/work/x and lib/root/x, {{ base }}/root/"),
        (text_rules.unfinished, "TODOS and todo"),
        (text_rules.inline_code, '<script src="{{ url("a.js") }}"></script>'),
        (text_rules.inline_code, '{{ button(style="primary", onclick=1) }}<p data-style="x">a style = b</p>'),
        (text_rules.unexplained_requirement, "# head\n-c requirements.txt\n\nflask<4  # the web"),
        (text_rules.unhashed_pin, f"# head\na[b]==1 ; x \\\n    {HASH}\n    # via c\n"),
    ],
)
def test_what_is_allowed_passes(rule: Checker, text: str) -> None:
    assert rule("file", text) == []
