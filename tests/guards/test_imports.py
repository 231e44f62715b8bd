"""The import rules of .importlinter hold, and catch an import that breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.tree import FIRST_PARTY, ROOT

PLANTED = [
    (
        "voucher_service/units.py",
        "from voucher_service import db",
        "voucher_service.units -> voucher_service.db",
    ),
    ("voucher_service/people/__init__.py", "import admin", "voucher_service.people -> admin"),
    (
        "voucher_service/staff/__init__.py",
        "import voucher_service.people",
        "voucher_service.staff -> voucher_service.people",
    ),
    ("voucher_service/vouchers/__init__.py", "import flask", "voucher_service.vouchers -> flask"),
    ("integrations/__init__.py", "import sqlalchemy", "integrations -> sqlalchemy"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the tree in this folder."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product's code."""
    for package in FIRST_PARTY:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_import_rules_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planted_imports_are_caught(tree: Path) -> None:
    before = lint(tree)
    assert before.returncode == 0, before.stdout
    for name, line, _ in PLANTED:
        with (tree / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    after = lint(tree)
    assert after.returncode == 1
    # The report wraps and aligns; only its words matter.
    shown = " ".join(after.stdout.split())
    assert [fault for _, _, fault in PLANTED if f"- {fault} (l." not in shown] == []
