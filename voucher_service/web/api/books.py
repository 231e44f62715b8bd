"""The sealed books for partners' programs: checkpoints, and proofs that anyone can check with `verify_books.py`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from voucher_service.ledger.seal.models import Checkpoint
from voucher_service.ledger.seal.note import LogKey
from voucher_service.partners.api.keys import Scope
from voucher_service.reconciliation.books import draw_down, proofs
from voucher_service.web import doors
from voucher_service.web.api.describe import Description, described
from voucher_service.web.api.door import PAGE, as_json, blueprint, query

Hash = Annotated[str, Field(description="32 bytes, in hexadecimal.")]
Size = Annotated[int, Field(ge=1, lt=2**53)]


class AskedCheckpoints(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    before: Size | None = Field(default=None, description="Only smaller ones.")


class AskedProof(BaseModel):
    """Which part of a proof, and which earlier checkpoint the books must begin with."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=-1, ge=-1, lt=2**53, description="Only movements with a greater number.")
    old: Size | None = Field(default=None, description="The size of a checkpoint that you kept.")


class AskedGrowth(BaseModel):
    """From which checkpoint."""

    model_config = ConfigDict(extra="forbid")

    old: Size | None = Field(default=None, description="The size of a checkpoint that you kept.")


class CheckpointOut(BaseModel):
    """A signed checkpoint (C2SP tlog-checkpoint): `note` is its text, byte for byte."""

    size: int
    root: Hash
    note: str

    @classmethod
    def of(cls, one: Checkpoint) -> CheckpointOut:
        """Return a checkpoint."""
        return cls(size=one.size, root=one.root.hex(), note=one.note)


class CheckpointsOut(BaseModel):
    """Checkpoints, newest first, and the key to check them with: compare it with the one you were given."""

    key: str
    items: list[CheckpointOut]
    next: str | None


class LeafOut(BaseModel):
    """A movement as it stands in the log, its facts as text, and the path from its leaf to the checkpoint's root."""

    number: int = Field(ge=0)
    id: str
    unit: str
    quantity: str
    source: str
    destination: str
    reason: str
    object_kind: str
    object_id: str
    occurred_at: str
    recorded_at: str
    resolves: str
    corrects: str
    private: str = Field(description="SHA-256 of what only the charity may read.")
    path: list[Hash]


class GrowthOut(BaseModel):
    """What shows that the first `new` leaves begin with the first `old`."""

    old: int
    new: int
    path: list[Hash]


class ProofOut(BaseModel):
    """A proof as `verify_books.py` reads it. The books are not sealed yet: 409 `not_sealed_yet`."""

    format: str
    key: str
    checkpoint: str
    leaves: list[LeafOut]
    total: int | None
    next: int | None = Field(description="Ask again with `after` this number; null at the end.")
    consistency: GrowthOut | None = Field(default=None, description="Only where `old` was asked for.")


@blueprint.get("/checkpoints")
@doors.requires_key(Scope.BOOKS_READ)
@described(Description("Signed checkpoints of the books, newest first.", answer=CheckpointsOut, query=AskedCheckpoints))
def checkpoints() -> ResponseReturnValue:
    """List checkpoints, newest first, fifty at most."""
    asked = query(AskedCheckpoints)
    with doors.services().database.read() as session:
        found = proofs.checkpoints(session, before=asked.before, limit=PAGE)
        key = proofs.log_key(session, _key()).text()
    older = url_for("api.checkpoints", before=found[-1].size) if len(found) == PAGE else None
    return as_json(CheckpointsOut(key=key, items=[CheckpointOut.of(one) for one in found], next=older))


@blueprint.get("/allocations/<int:allocation_id>/proof")
@doors.requires_key(Scope.BOOKS_READ)
@described(
    Description(
        "The movements of one gift, each with its proof.",
        answer=ProofOut,
        query=AskedProof,
        conflicts=("not_sealed_yet",),
    )
)
def gift_proof(allocation_id: int) -> ResponseReturnValue:
    """Prove the movements of one of the partner's gifts, 500 at a time."""
    with doors.services().database.read() as session:
        draw_down.gift_of(session, doors.key_holder().partner_id, allocation_id)
        return _proof(session, proofs.of_gift(allocation_id), query(AskedProof))


@blueprint.get("/orders/<uuid:order_id>/proof")
@doors.requires_key(Scope.BOOKS_READ)
@described(
    Description(
        "The movements of one top-up, by our reference.",
        answer=ProofOut,
        query=AskedProof,
        conflicts=("not_sealed_yet",),
    )
)
def order_proof(order_id: UUID) -> ResponseReturnValue:
    """Prove the movements of one top-up that a gift of the partner paid for."""
    with doors.services().database.read() as session:
        which = proofs.of_order(session, doors.key_holder().partner_id, order_id)
        return _proof(session, which, query(AskedProof))


@blueprint.get("/consistency")
@doors.requires_key(Scope.BOOKS_READ)
@described(
    Description(
        "Do today's books only add to those of a checkpoint that you kept?",
        answer=ProofOut,
        query=AskedGrowth,
        conflicts=("not_sealed_yet",),
        misses=True,
    )
)
def consistency() -> ResponseReturnValue:
    """Prove that the books begin with those of an earlier checkpoint."""
    asked = query(AskedGrowth)
    with doors.services().database.read() as session:
        return _proof(session, proofs.nothing(), AskedProof(old=asked.old))


def _proof(session: Session, which: ColumnElement[bool], asked: AskedProof) -> ResponseReturnValue:
    told = proofs.proof(session, which, key=_key(), after=asked.after, old=asked.old)
    return as_json(ProofOut.model_validate(told))


def _key() -> LogKey:
    return doors.services().log_signer().key
