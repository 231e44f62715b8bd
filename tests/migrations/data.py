"""A little of everything in a database, written by the service itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.properties.arena import Arena, lot_file
from tests.properties.readings import TABLES
from voucher_service.ids import new_id
from voucher_service.ledger.seal import sealer
from voucher_service.ledger.seal.models import Node
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.ledger.seal.ring import rotate
from voucher_service.reconciliation.closing import signing
from voucher_service.reconciliation.intake.models import ReaderProfile, StatementReading
from voucher_service.reconciliation.models import Statement, StatementIntake
from voucher_service.visits.redeem import Recorded

WRITTEN_ONCE = (
    "book", "account", "transfer", "reveal", "statement", "gift_note", "ledger_leaf", "ledger_node",
    "ledger_checkpoint", "reader_profile", "statement_reading", "ledger_key_change",
    "statement_key_change",
)  # fmt: skip


def fill(url: str, folder: Path) -> None:
    """Issue, redeem, deliver, reveal, replace, cancel, give back, and keep a partner's statement."""
    arena = Arena.at(url, folder)
    arena.begin()
    arena.import_lot(lot_file(arena.scene.partner_name, 3))
    person = arena.programme.person()
    for offer, number in (("euros", "+33612345100"), ("euros", "+33612345102"), ("code", None)):
        recorded = _scan(arena, offer, number)
        assert recorded.order_id is not None
        arena.work(recorded.order_id)
        if offer == "code":
            arena.reveal(recorded.order_id, "")
            arena.reveal(recorded.order_id, "illisible")
    arena.cancel(arena.issue(new_id(), arena.wanted("data", person)).id)
    arena.reissue(arena.issue(new_id(), arena.wanted("data", person)).id, new_id())
    arena.return_to_donor(arena.scene.gifts[0], 100, "end")
    arena.issue_batch(arena.new_batch("data", 2))
    _keep_statement(arena)
    _seal(arena)
    assert arena.programme.findings() == []
    arena.programme.database.close()


def _scan(arena: Arena, offer: str, number: str | None) -> Recorded:
    voucher_id = arena.issue(new_id(), arena.wanted(offer, None)).id
    table = TABLES["voucher"]
    with arena.programme.database.read() as session:
        voucher: Any = session.execute(table.select().where(table.c.id == voucher_id)).one()
        code = arena.programme.ring.printed(session, voucher).digits
    return arena.scan(arena.request(code, 0, number=number, paid_cents=100, note="Nouvelle carte SIM"))


def _seal(arena: Arena) -> None:
    programme = arena.programme
    sealer.seal_all(programme.database, LogSigner(programme.vault, 1), now=arena.now)
    with programme.database.begin() as session:
        rotate(session, LogSigner(programme.vault, 1), now=arena.now)
        signing.rotate(session, programme.vault, now=arena.now)
        session.add(Node(level=1, number=0, hash=bytes(32)))  # what 256 transfers would make


def _keep_statement(arena: Arena) -> None:
    content = b"reference;quantity\n"
    with arena.programme.database.begin() as session:
        statement_id = new_id()
        session.add(
            Statement(
                id=statement_id,
                partner_id=arena.scene.partner_id,
                file_name="releve.csv",
                file_sha256=hashlib.sha256(content).digest(),
                content=content,
                first_day=arena.now.date(),
                last_day=arena.now.date(),
                line_count=0,
                uploaded_by="staff:test",
                uploaded_at=arena.now,
            )
        )
        session.flush()
        session.add(StatementIntake(statement_id=statement_id, number=1))
        partner_id = arena.scene.partner_id
        profile = ReaderProfile(
            id=new_id(), partner_id=partner_id, version=1, settings="{}", made_by="staff:test", made_at=arena.now
        )
        session.add(profile)
        session.flush()
        session.add(
            StatementReading(
                statement_id=statement_id, partner_id=partner_id, profile_id=profile.id, series_no=7, edition=1
            )
        )
