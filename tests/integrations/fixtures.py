"""The partners' own recorded answers and specifications, which are read where they are and never copied."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.guards.tree import ROOT

FOLDER = Path(os.environ.get("PARTNER_FIXTURES") or ROOT.parent / "shared" / "fixtures" / "partners")


def fixture(name: str) -> Path:
    """Return the path of a fixture; skip the test, saying why, where there is none."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} in PARTNER_FIXTURES ({FOLDER})")
    return path


def recorded(name: str) -> Any:
    """Return a recorded answer of Reloadly."""
    return json.loads(fixture(f"reloadly/{name}.json").read_text(encoding="utf-8"))
