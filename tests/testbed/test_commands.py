"""The commands say plainly what a machine lacks, and a failed check fails the whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import checks

ROOT = Path(__file__).parents[2]
OLD = """#!/bin/sh
case "$*" in *version_info*) exit 1;; *) echo "Python 3.9.2";; esac
"""
WITHOUT_VENV = """#!/bin/sh
case "$*" in *ensurepip*) echo "ModuleNotFoundError" >&2; exit 1;; esac
"""


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make on our Makefile, free of the make that may be running the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


PUBLIC = (
    "run test lint format lock words bench drill-ledger drill-pins drill-offline drill-delivery drill-tamper "
    "drill-workers drill-api drill-bombs drill-statements screenshots pictures clean install help"
)


def test_help_names_every_public_target() -> None:
    shown = make().stdout
    explained = re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(explained) == set(PUBLIC.split())
    assert [name for name in explained if f"make {name} " not in shown] == []


def test_this_python_is_accepted() -> None:
    done = make("check-python", f"PYTHON={sys.executable}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (None, "There is no program"),
        (OLD, "Python 3.11 or newer is needed; .* is Python 3.9.2"),
        (WITHOUT_VENV, "apt-get install python3-venv"),
    ],
)
def test_an_unfit_python_is_refused_in_plain_words(tmp_path: Path, program: str | None, words: str) -> None:
    path = tmp_path / "python"
    if program is not None:
        path.touch(mode=0o755)
        path.write_text(program, encoding="utf-8")
    done = make("check-python", f"PYTHON={path}")
    assert done.returncode != 0
    assert re.search(words, done.stderr)
    assert "Traceback" not in done.stderr


def test_one_failed_check_fails_the_whole_and_the_others_still_run() -> None:
    results = checks.run({"bad": [sys.executable, "-c", "raise SystemExit(3)"], "good": [sys.executable, "-c", "pass"]})
    assert {name: passed for name, (passed, _) in results.items()} == {"bad": False, "good": True}
    assert "Failed: bad." in checks.summary(results)
    assert "All checks passed." in checks.summary({"good": results["good"]})


def test_what_runs_beside_the_others_is_told_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [sys.executable, "-c", "import sys; print('line 7 is wrong', file=sys.stderr); sys.exit(1)"]
    results = checks.run({"types": wrong, "tests": [sys.executable, "-c", "pass"]})
    assert {name: passed for name, (passed, _) in results.items()} == {"types": False, "tests": True}
    assert "— types\nline 7 is wrong\n" in capsys.readouterr().out


def test_a_missing_chromium_is_a_failure_with_a_remedy() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.install_chromium"],
        cwd=ROOT,
        env={**os.environ, "CHROMIUM": "/nowhere/chromium"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "CHROMIUM=/nowhere/chromium is not a program" in done.stderr


def test_ci_runs_every_check_within_its_time() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    limit = re.search(r"timeout .*?(\d+) make test </dev/null", script)
    assert limit is not None
    assert int(limit.group(1)) < 15 * 60
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
