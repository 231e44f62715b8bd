"""Rules of the code that neither the type checker nor the linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.guards.tree import FIRST_PARTY

COMMIT_HOME = "voucher_service/db.py"
# Doors and the id maker may ask for the time or a fresh id; everything below takes them as arguments.
CLOCK_HOMES = (
    "wsgi.py",
    "admin/",
    "voucher_service/app.py",
    "voucher_service/cli",
    "voucher_service/ids.py",
    "voucher_service/tasks.py",
    "voucher_service/web/",
)
CLOCKS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("uuid", "uuid1"), ("uuid", "uuid4"), ("uuid", "uuid6"), ("uuid", "uuid7"),
}  # fmt: skip


def _calls(text: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def stray_commit(name: str, text: str) -> list[str]:
    """A commit outside the one place that commits."""
    if name == COMMIT_HOME:
        return []
    return [
        f"{name}:{call.lineno}: only {COMMIT_HOME} commits: take the session as an argument"
        for call in _calls(text)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"
    ]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def wsgi_import(name: str, text: str) -> list[str]:
    """Somebody imports the composition root."""
    return [
        f"{name}:{getattr(node, 'lineno', 1)}: nobody imports wsgi, it builds everything at import"
        for node in ast.walk(ast.parse(text))
        if "wsgi" in _imported(node)
    ]


def hidden_import(name: str, text: str) -> list[str]:
    """A first-party import inside a function, where the import rules cannot be read off the file's head."""
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    lines = {
        inner.lineno
        for function in functions
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        and any(module.split(".")[0] in FIRST_PARTY for module in _imported(inner))
    }
    return [f"{name}:{line}: first-party imports stand at the head of the file" for line in sorted(lines)]


def hidden_clock(name: str, text: str) -> list[str]:
    """The wall clock or a random id taken below the doors, where it cannot be replayed."""
    if name.startswith(CLOCK_HOMES):
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        # The bare name counts too: `default_factory=uuid4` hides a clock as well as a call does.
        pair = ("", "")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            pair = (owner, node.attr)
        elif isinstance(node, ast.ImportFrom):
            pair = next(((node.module or "", a.name) for a in node.names if (node.module, a.name) in CLOCKS), pair)
        if pair in CLOCKS:
            line = getattr(node, "lineno", 1)
            found.append(f"{name}:{line}: {'.'.join(pair)} below the doors: take `now` or the id as an argument")
    return found


def undocumented(name: str, text: str) -> list[str]:
    """A public function or class of a module, or the module itself, without a docstring."""
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) else [f"{name}:1: the module says nothing about itself"]
    public = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_"
    )
    found += [f"{name}:{node.lineno}: {node.name} has no docstring" for node in public if not ast.get_docstring(node)]
    return found
