"""What everyone may read of the books: that they exist in this state. Counts and hashes, nothing else.

`/ledger` is the prefix of a C2SP tlog-tiles log: checkpoint and tiles of hashes. Its entries are not served: what a
gift moved is between its partner and the charity (docs/decisions/0013-tiles-without-entries.md).
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from voucher_service.errors import NotFound
from voucher_service.ledger.seal import verify_books
from voucher_service.ledger.seal.publish import joined
from voucher_service.ledger.seal.ring import changes
from voucher_service.ledger.seal.tiles import Tiles, place_of, size_of
from voucher_service.reconciliation.books import proofs
from voucher_service.reconciliation.closing import signing
from voucher_service.web import doors

blueprint = Blueprint("ledger", __name__, url_prefix="/ledger")


@blueprint.get("/checkpoint")
@doors.public
def checkpoint() -> ResponseReturnValue:
    """Send the newest checkpoint (C2SP tlog-checkpoint)."""
    with doors.services().database.read() as session:
        body = proofs.newest_checkpoint(session).note
    return _text(body)


@blueprint.get("/tile/<level>/<path:place>")
@doors.public
def tile(level: str, place: str) -> ResponseReturnValue:
    """Send a tile of hashes (C2SP tlog-tiles): what is asked for is there whole, or not at all."""
    asked = place_of(level, place)
    with doors.services().database.read() as session:
        if asked is None or asked.end > size_of(session):
            raise NotFound("Le registre n’a pas cette tuile.")
        hashes = Tiles(session).tile(asked.level, asked.number)[: asked.width]
    if len(hashes) != asked.width:
        raise NotFound("Le registre n’a pas cette tuile.")
    return Response(
        b"".join(hashes),
        content_type="application/octet-stream",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@blueprint.get("/key")
@doors.public
def key() -> ResponseReturnValue:
    """Send the key of the newest checkpoint; who checks should have it from elsewhere."""
    with doors.services().database.read() as session:
        body = proofs.log_key(session, doors.services().log_signer().key).text()
    return _text(f"{body}\n")


@blueprint.get("/keys")
@doors.public
def keys() -> ResponseReturnValue:
    """Send every change of the log's key, oldest first, each signed by the old key and the new one."""
    with doors.services().database.read() as session:
        body = joined(changes(session))
    return _text(body)


@blueprint.get("/statement-keys")
@doors.public
def statement_keys() -> ResponseReturnValue:
    """Send every change of the key that signs months, oldest first, each signed by the old key and the new one."""
    with doors.services().database.read() as session:
        body = joined(signing.changes(session))
    return _text(body)


@blueprint.get("/verify_books.py")
@doors.public
def verifier() -> ResponseReturnValue:
    """Send the stand-alone verifier."""
    return _text(Path(verify_books.__file__).read_text(encoding="utf-8"))


def _text(body: str) -> Response:
    return Response(body, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})
