"""What a partner's own service listed, as a file of JSON lines: written once, read like any other statement."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from voucher_service.errors import BadFile

START = b'{"coup_de_pouce":"partner list 1"'
COLUMNS = ("our ref", "partner ref", "status", "quantity", "unit", "event at")
_KEYS = ("ours", "theirs", "state", "quantity", "unit", "at")
_FINAL = frozenset({"delivered", "refused", "reversed"})
_MOST_LONG = 4_000


def write(head: dict[str, Any], records: Iterable[dict[str, Any]]) -> bytes:
    """Return the file: a line that says what it is, then one line a record, the same bytes for the same list."""
    first = START + b"," + _line(head)[1:]
    return b"\n".join([first, *map(_line, records)]) + b"\n"


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def to_text(content: bytes) -> bytes:
    """Return the list as rows with a header; the number of a row is that of its line.

    What is still under way is in the file, but no line yet. What delivered nothing needs no quantity.

    Raises:
        BadFile: a line is no record.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    rows.writerow(COLUMNS)
    for number, line in enumerate(io.BytesIO(content), start=1):
        if number == 1 or not line.strip():
            continue
        try:
            told = json.loads(line) if len(line) < _MOST_LONG else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or not {*_KEYS} <= told.keys():
            raise BadFile("cette ligne de la liste ne se lit pas.", line=number)
        if told["state"] not in _FINAL:
            text.write("\n")
            continue
        if told["quantity"] is None and told["state"] != "delivered":
            told |= {"quantity": 0, "unit": "eur_cent"}
        rows.writerow([_cell(told[key]) for key in _KEYS])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
