"""A workbook (XLSX) into text, by a process with bounded memory and time; see `book_child.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voucher_service.errors import N_, BadFile

MAX_BYTES = 32 * 2**20
MEMORY = 384 * 2**20  # of the child, all in all
UNPACKED = 128 * 2**20
OUTPUT = 48 * 2**20
ENTRIES = 500
COLUMNS = 100
SECONDS = 10  # of processor time; an honest 100,000 lines take one or two
DEADLINE = 30.0  # seconds on the clock
_CHILD = Path(__file__).with_name("book_child.py")
_TURN = threading.BoundedSemaphore(2)  # so many at once in this process: memory is bounded whatever is sent

_TOO_BIG = N_("ce classeur est trop grand une fois ouvert : enregistrez la feuille au format CSV (UTF-8).")
_FAULTS = {
    "not_a_book": N_("ce fichier est une archive, pas un classeur Excel (XLSX) : choisissez le relevé lui-même."),
    "broken": N_("ce classeur Excel (XLSX) est abîmé : ouvrez-le, enregistrez-le à nouveau, puis renvoyez-le."),
    "no_sheet": N_("ce classeur Excel n’a pas de feuille visible de ce nom : vérifiez les réglages de lecture."),
    "password": N_("ce classeur Excel est protégé par un mot de passe : enregistrez-le sans."),
    "wide": N_("plus de 100 colonnes dans la feuille : effacez celles qui ne servent pas."),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet as text: UTF-8, tab, one line a row, so that a line's number is its row's. `sheets` are all names."""

    text: bytes
    name: str
    sheets: tuple[str, ...]


def read_book(content: bytes, wanted: str = "") -> Sheet:
    """Return the sheet of that name, or the longest.

    Raises:
        BadFile: it is too big, broken, locked, or no workbook.
    """
    if len(content) > MAX_BYTES:
        raise BadFile(_TOO_BIG, line=1)
    with _TURN, tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as text:
        path = Path(folder) / "book.xlsx"
        path.write_bytes(content)
        limits = map(str, (MEMORY, SECONDS, ENTRIES, UNPACKED, OUTPUT, COLUMNS))
        try:
            done = subprocess.run(  # noqa: S603  # our own file, no shell
                [sys.executable, "-I", str(_CHILD), str(path), wanted, *limits],
                stdin=subprocess.DEVNULL,
                stdout=text,
                stderr=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
                timeout=DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadFile(_TOO_BIG, line=1) from None
        told = _told(done.stderr)
        if done.returncode != 0 or "sheet" not in told:
            fault = _FAULTS.get(told.get("fault", ""), _TOO_BIG)  # killed at a limit it says nothing
            raise BadFile(fault, line=1)
        text.seek(0)
        return Sheet(text.read(), told["sheet"], tuple(told["sheets"]))


def _told(stderr: bytes) -> dict[str, Any]:
    try:
        told = json.loads(stderr)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
