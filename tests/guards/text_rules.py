"""The project speaks of itself alone, its pages obey the strict content policy, its parts are pinned."""

from __future__ import annotations

import re

# A character class in each pattern keeps this very file from matching itself.
MACHINE_PATH = re.compile(r"(?<![\w.>)}\-])/(?:wor[k]|roo[t]|far[m]|User[s])/|(?<![\w.:/\-])/hom[e]/\w")
REGISTRY = re.compile(
    r"pypi\.or[g]/simple|files\.pythonhosted\.or[g]|registry\.npmjs\.or[g]"
    r"|^\s*(?:-i|--(?:extra-)?index-ur[l]|--find-link[s]|--trusted-hos[t])\b",
    re.MULTILINE,
)
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|NotImplementedErro[r])\b")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
TAG = re.compile(r"<(?P<tag>[a-zA-Z][\w-]*)(?P<attributes>(?:\"[^\"]*\"|'[^']*'|[^>\"'])*)>")
HANDLER = re.compile(r"(?:^|\s)(?:data-)?(?:on[a-z]+|hx-on[\w:-]*)\s*=", re.IGNORECASE)
STYLE = re.compile(r"(?:^|\s)style\s*=", re.IGNORECASE)
SOURCE = re.compile(r"(?:^|\s)src\s*=", re.IGNORECASE)
SCRIPTED = re.compile(r"=\s*[\"']?\s*(?:javascript|js):", re.IGNORECASE)


def _found(pattern: re.Pattern[str], name: str, text: str, remedy: str) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: “{match.group().strip()}”: {remedy}"
        for match in pattern.finditer(text)
    ]


def machine_path(name: str, text: str) -> list[str]:
    """A path of one particular machine."""
    return _found(MACHINE_PATH, name, text, "say it without a path of one machine")


def registry(name: str, text: str) -> list[str]:
    """The address of a package registry; each installation has its own."""
    return _found(REGISTRY, name, text, "leave the registry to the settings of pip")


def unfinished(name: str, text: str) -> list[str]:
    """A mark of unfinished work."""
    return _found(UNFINISHED, name, text, "finish it, or open an issue")


def inline_code(name: str, text: str) -> list[str]:
    """A script, handler or style inside a page, which the content policy forbids."""
    bare = JINJA.sub(lambda match: "\n" * match.group().count("\n"), text)
    found = []
    for match in TAG.finditer(bare):
        tag, attributes = match["tag"].lower(), match["attributes"]
        wrong = [
            what
            for what, there in {
                "an inline script": tag == "script" and not SOURCE.search(attributes),
                "an inline stylesheet": tag == "style",
                "a style attribute": STYLE.search(attributes),
                "an inline handler": HANDLER.search(attributes),
                "a script address": SCRIPTED.search(attributes),
            }.items()
            if there
        ]
        line = bare.count("\n", 0, match.start()) + 1
        found += [f"{name}:{line}: {what}: put it in a file of static/" for what in wrong]
    return found


def unexplained_requirement(name: str, text: str) -> list[str]:
    """A requirement without its reason, `# why`, on the line."""
    return [
        f"{name}:{number}: say why after a #: {line}"
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith(("#", "-c", "-r")) and not re.search(r"\S\s+#\s*\w", line)
    ]


def unhashed_pin(name: str, text: str) -> list[str]:
    """A compiled requirement that is not pinned to a version or carries no SHA-256."""
    joined = re.sub(r"\\\n", " ", text)
    entries = [line for line in joined.splitlines() if line and line[0] not in "# \t-"]
    return [
        f"{name}: {entry.split()[0]}: needs == and --hash=sha256: run `make lock`"
        for entry in entries
        if not re.match(r"[\w.\-\[\],]+==\S+", entry) or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    ]
