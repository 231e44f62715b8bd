"""One example of each answer and each body of the API, as its description shows it; invented, and one story.

A gift of 500 euros; a statement of two top-ups, one of which the partner counts a euro too high; the note it writes.
"""

from __future__ import annotations

from typing import Any

from voucher_service.reconciliation.books.draw_down import TOP_UPS
from voucher_service.reconciliation.closing.statement import HEADER as MONTH
from voucher_service.reconciliation.export import HEADER as DIFFERENCES
from voucher_service.reconciliation.export import csv_line

GIFT = 12
STATEMENT = "0195d3a2-6c1e-7b3a-9f10-2d5b8c7e4a01"
BREAK = "0195d3a2-6c31-7e52-8a44-91c0d7f3b602"
ORDER = "0195b8c0-11d4-7c9e-b2f7-5e3a6d8c1f03"
PERIOD = "0195e7f1-9a20-7d46-8c3b-4f6e2a9d5b04"
NOTE = "0195d3b0-0f4c-7a17-9d2e-7c8b5a4f3e05"
HASH = "5f0c3e8a1b7d4926c0e5f8a3d1b7496e2c5f0a8d3b1e7946f2c5a0d8b3e1f794"
_ORIGIN = "coup-de-pouce/ledger/1/3c9a51e7"
CHECKPOINT = f"{_ORIGIN}\n2048\nXww+iht9SSbA5fij0bdJbixfCo07HnlG8sWg2LPh95Q=\n\n— {_ORIGIN} 4hQk2w…\n"
KEY = f"{_ORIGIN}+e2142adb+AV5vJ0cV1hQ0v2wM0b4pU5c7q8y9z0a1b2c3d4e5f6g7"
MONTHS_KEY = "coup-de-pouce/statements/1/7d20b4ce+90c1d5e8+AfK2mQ8xv3tR6bN1yW4cZ7pL0hJ5sD9gE2uT8oA3iX6k"
STATEMENT_CSV = f"Référence client;Montant EUR;Statut;Date\r\n{ORDER};10,00;Livré;2026-03-14 10:15\r\nTOTAL;1;10,00\r\n"
MONTH_CSV = csv_line(MONTH) + csv_line((GIFT, "Printemps 2026", "eur_cent", "livré", 0, 2000, 0, 2000))
TOP_UPS_CSV = csv_line(TOP_UPS) + csv_line(
    (GIFT, "Printemps 2026", ORDER, None, "delivered", 1000, "eur_cent", "2026-03-14")
)
DIFFERENCES_CSV = csv_line(DIFFERENCES) + csv_line(
    ("amount_differs", 2, "Montant différent", 2, ORDER, None, None, "delivered", 1100, "eur_cent",
     "2026-03-14T09:15:00+00:00", "delivered", 1000, "eur_cent", "2026-03-14T09:15:00+00:00", 100, "eur_cent",
     "2026-04-02T07:30:12+00:00", None, None)
)  # fmt: skip
IN_PATH = {
    "allocation_id": GIFT, "statement_id": STATEMENT, "break_id": BREAK, "order_id": ORDER, "period_id": PERIOD,
}  # fmt: skip
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "Demande illisible"),
    "key_needed": (401, "Connexion nécessaire"),
    "scope_missing": (403, "Accès refusé"),
    "not_found": (404, "Introuvable"),
    "too_large": (413, "Envoi trop volumineux"),
    "unsupported_media_type": (415, "Erreur"),
    "bad_input": (422, "À corriger"),
    "bad_file": (422, "À corriger"),
    "idempotency_key_reused": (422, "À corriger"),
    "too_many_tries": (429, "Trop d’essais"),
    "not_ready": (503, "Indisponible pour l’instant"),
}
"""Codes that say more than "the state of things does not allow it" (409), each with its status and title."""
_MORE: dict[str, dict[str, Any]] = {
    "key_needed": {"detail": "Présentez une clé en service : « Authorization: Bearer cdp_… »."},
    "bad_input": {"detail": "Indiquez au moins 1.", "field": "page", "faults": {"page": "Indiquez au moins 1."}},
    "bad_file": {
        "detail": "ligne 2, colonne Statut : cette valeur manque : chaque ligne doit la donner.",
        "line": 2,
        "column": "Statut",
    },
}


def problem(code: str) -> dict[str, Any]:
    """Return a problem (RFC 9457) with this code, as it is answered."""
    status, title = PROBLEMS.get(code, (409, "L’état des choses ne le permet pas"))
    told = {"type": f"urn:coup-de-pouce:{code}", "title": title, "status": status, "code": code}
    return told | _MORE.get(code, {})


_THEIRS = {
    "reference": ORDER, "line": 2, "state": "delivered", "quantity": 1100, "unit": "eur_cent",
    "at": "2026-03-14T09:15:00Z",
}  # fmt: skip
_OURS = _THEIRS | {"line": None, "quantity": 1000}
_DIFFERENCE = {
    "id": BREAK, "kind": "amount_differs", "priority": 2, "quantity": 100, "unit": "eur_cent",
    "found_at": "2026-04-02T07:30:12Z", "resolved_at": None, "theirs": _THEIRS, "ours": _OURS,
}  # fmt: skip
_BREAK = _DIFFERENCE | {
    "statement_id": STATEMENT, "file_name": "mars.csv", "life": "new", "days": 1, "age": "0-1",
    "settlement_pending": False,
}  # fmt: skip
_STATEMENT = {
    "id": STATEMENT, "file_name": "mars.csv", "first_day": "2026-03-01", "last_day": "2026-03-31",
    "uploaded_at": "2026-04-02T07:30:12Z", "lines": 2, "matched": 1, "differing": 1, "open_differences": 1,
    "unexplained": 0, "clean": False, "by_class": {"amount_differs": 1}, "number": 3, "edition": 1,
    "replaced_by": None,
}  # fmt: skip
_ALLOCATION = {
    "id": GIFT, "label": "Printemps 2026", "unit": "eur_cent", "valid_from": "2026-03-01",
    "valid_until": "2026-12-31", "state": "open", "received": 50000, "available": 41000, "reserved": 6000,
    "in_delivery": 1000, "delivered": 2000, "returned": 0, "written_off": 0, "variance": 0,
}  # fmt: skip
_MOVES = {"opening": 0, "granted": 50000, "delivered": 2000, "reversed": 0, "expired": 0, "returned": 0}
_BALANCE = {
    "allocation_id": GIFT, "unit": "eur_cent", "as_of": "2026-03-31", "theirs": _MOVES | {"closing": 48000},
    "ours": _MOVES | {"closing": 48000}, "residual": 0, "unexplained": 0, "around_midnight": 0, "edition": 1,
}  # fmt: skip
_STEP = {
    "id": NOTE, "step": "note", "side": "partner", "at": "2026-04-02T08:00:00Z",
    "words": "Notre facture dit 10 € : relevé corrigé vendredi.", "was": None, "became": None,
}  # fmt: skip
_PERIOD = {
    "id": PERIOD, "first_day": "2026-03-01", "last_day": "2026-03-31", "proposed_at": "2026-04-03T09:00:00Z",
    "agreed_at": None, "manifest_sha256": HASH, "key": MONTHS_KEY,
}  # fmt: skip
_CHECKPOINT = {"size": 2048, "root": HASH, "note": CHECKPOINT}
_LEAF = {
    "number": 2047, "id": "0195b8c0-1a02-7f3d-8e51-6b9c0d2a4f06", "unit": "eur_cent", "quantity": "1000",
    "source": "1203", "destination": "1204", "reason": "delivered", "object_kind": "order", "object_id": ORDER,
    "occurred_at": "2026-03-14T09:15:00.000000Z", "recorded_at": "2026-03-14T09:15:00.412000Z", "resolves": "",
    "corrects": "", "private": HASH, "path": [HASH],
}  # fmt: skip
_GROWTH = {"old": 1024, "new": 2048, "path": [HASH]}


def _listing(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"total": len(items), "next": None, "items": list(items)} | more


EXAMPLES: dict[str, Any] = {
    "AllocationOut": _ALLOCATION,
    "AllocationsOut": _listing(_ALLOCATION),
    "BalanceIn": {"allocation_id": GIFT, "as_of": "2026-03-31", "closing": 48000},
    "BalanceOut": _BALANCE,
    "BalancesOut": {"items": [_BALANCE], "next": None},
    "BreakOut": _BREAK,
    "BreaksOut": _listing(_BREAK),
    "CheckpointsOut": {"key": KEY, "items": [_CHECKPOINT], "next": None},
    "DifferencesOut": _listing(_DIFFERENCE),
    "DrawDownOut": {
        "allocation_id": GIFT, "unit": "eur_cent", "vouchers": 9, "outside": 0,
        "earmarks": [{"kind": "city", "value": "Lyon"}],
        "shares": [
            {"state": "issued", "count": 6, "quantity": 6000}, {"state": "redeemed", "count": 3, "quantity": 3000},
        ],
    },
    "NoteIn": {"words": "Notre facture dit 10 € : relevé corrigé vendredi."},
    "PeriodsOut": _listing(_PERIOD, keys=[{"line": MONTHS_KEY, "since": None, "until": None}]),
    "ProofOut": {
        "format": "coup-de-pouce proof 1", "key": KEY, "checkpoint": CHECKPOINT, "leaves": [_LEAF], "total": 1,
        "next": None, "consistency": _GROWTH,
    },
    "StatementOut": _STATEMENT,
    "StatementsOut": _listing(_STATEMENT),
    "StepOut": _STEP,
    "StepsOut": _listing(_STEP),
}  # fmt: skip
"""By the name of the model."""
