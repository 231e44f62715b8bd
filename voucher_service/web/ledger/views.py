"""What everyone may read of the books: that they exist in this state. Counts and hashes, nothing else."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from voucher_service.ledger.seal import verify_books
from voucher_service.reconciliation.books import proofs
from voucher_service.web import doors

blueprint = Blueprint("ledger", __name__, url_prefix="/ledger")


@blueprint.get("/checkpoint")
@doors.public
def checkpoint() -> ResponseReturnValue:
    """Send the newest checkpoint (C2SP tlog-checkpoint)."""
    with doors.services().database.read() as session:
        body = proofs.newest_checkpoint(session).note
    return _text(body)


@blueprint.get("/key")
@doors.public
def key() -> ResponseReturnValue:
    """Send the verifier key; who checks should have it from elsewhere."""
    return _text(doors.services().log_signer().key.text() + "\n")


@blueprint.get("/verify_books.py")
@doors.public
def verifier() -> ResponseReturnValue:
    """Send the stand-alone verifier."""
    return _text(Path(verify_books.__file__).read_text(encoding="utf-8"))


def _text(body: str) -> Response:
    return Response(body, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})
