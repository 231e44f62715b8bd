"""Files and functions stay short enough to read in one go."""

from __future__ import annotations

import pytest

from tests.guards.sizes import long_file, long_js_function, long_python_function
from tests.guards.tree import faults, own


def test_files_are_short() -> None:
    assert faults(long_file, own(".py", ".js", ".html", ".css")) == []


def test_python_functions_are_short() -> None:
    assert faults(long_python_function, own(".py")) == []


def test_javascript_functions_are_short() -> None:
    assert [fault for name in own(".js") for fault in faults(long_js_function, [name])] == []


@pytest.mark.parametrize(
    ("name", "lines", "good"),
    [("a.py", 300, True), ("a.py", 301, False), ("static/style.css", 600, True), ("other.css", 301, False)],
)
def test_a_long_file_is_caught(name: str, lines: int, good: bool) -> None:
    assert (long_file(name, "x = 1\n" * lines) == []) is good


@pytest.mark.parametrize(("body", "good"), [(59, True), (60, False)])
@pytest.mark.parametrize("header", ["def f():", "async def f():"])
def test_a_long_python_function_is_caught(header: str, body: int, good: bool) -> None:
    inside = "class C:\n    " + header + "\n" + "        x = 1\n" * body
    assert (long_python_function("a.py", inside) == []) is good


@pytest.mark.parametrize(("body", "good"), [(58, True), (59, False)])
@pytest.mark.parametrize(
    "header",
    [
        "function f(a) {",
        "export async function f() {",
        "const f = (a) => {",
        "  method(a, b) {",
        "  async #g() {",
    ],
)
def test_a_long_javascript_function_is_caught(header: str, body: int, good: bool) -> None:
    indent = header[: len(header) - len(header.lstrip())]
    text = f"{header}\n" + f"{indent}  if (x) {{ y(); }}\n" * body + f"{indent}}}\n"
    assert (long_js_function("a.js", text) == []) is good


def test_a_long_block_that_is_no_function_is_not_meant() -> None:
    assert long_js_function("a.js", "for (const a of list) {\n" + "  x();\n" * 80 + "}\n") == []
