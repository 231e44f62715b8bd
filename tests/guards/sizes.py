"""How long a file and a function may be."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

FILE_LINES, FUNCTION_LINES, MAIN_STYLESHEET_LINES = 300, 60, 600
MAIN_STYLESHEETS = ("style.css", "main.css", "app.css")
JS_FUNCTION = re.compile(r"(\bfunction\b.*|=>\s*|^\s*(?:async |static |get |set |#)*[\w$]+\s*\(.*\)\s*)\{\s*$")
JS_BLOCK = re.compile(r"^\s*(?:\}\s*)?(?:if|for|while|switch|catch|else|try|do|with)\b")


def long_file(name: str, text: str) -> list[str]:
    """A file longer than the budget."""
    main = PurePosixPath(name).name in MAIN_STYLESHEETS
    limit = MAIN_STYLESHEET_LINES if main else FILE_LINES
    lines = len(text.splitlines())
    return [f"{name}:1: {lines} lines, at most {limit}: split it"] if lines > limit else []


def long_python_function(name: str, text: str) -> list[str]:
    """A Python function longer than the budget, its decorators not counted."""
    return [
        f"{name}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}: split it"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]


def long_js_function(name: str, text: str) -> list[str]:
    """A JavaScript function longer than the budget, going by the indentation of well laid out code."""
    lines = text.splitlines()
    found = []
    for start, line in enumerate(lines):
        if not JS_FUNCTION.search(line) or JS_BLOCK.match(line):
            continue
        close = line[: len(line) - len(line.lstrip())] + "}"
        end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith(close)), len(lines) - 1)
        if (length := end - start + 1) > FUNCTION_LINES:
            found.append(f"{name}:{start + 1}: a function of {length} lines, at most {FUNCTION_LINES}: split it")
    return found
