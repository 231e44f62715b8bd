"""What operators type: the audit, the keys, and the work that pages and workers do otherwise."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select, update

from tests.house import composed, make_settings, services_of
from tests.programme import FIRST_DAY, MASTER, Programme
from voucher_service.cli.books import RULES
from voucher_service.crypto import Vault
from voucher_service.demo.gifts import PARTNERS, LotPlan, lot_file
from voucher_service.fulfilment.models import Lot
from voucher_service.fulfilment.worker import EXPIRY_EVERY, EmbeddedWorker
from voucher_service.ids import local_day, new_id, utc_now
from voucher_service.ledger.audit_files import STATEMENT
from voucher_service.ledger.models import FloorBalance
from voucher_service.partners.models import Offer, Partner
from voucher_service.partners.policies import set_threshold
from voucher_service.reconciliation.models import Statement
from voucher_service.staff.models import Role
from voucher_service.tasks import EXPIRE, create_celery
from voucher_service.units import Unit
from voucher_service.vouchers.models import Batch, BatchState, SigningKey, Voucher, VoucherState


@pytest.fixture
def app(programme: Programme, tmp_path: Path) -> Iterator[Flask]:
    """The application on the programme's database, with its master key."""
    url = programme.database.engine.url.render_as_string(hide_password=False)
    made = composed(make_settings(url, tmp_path))
    services_of(made).vault.__dict__.update(Vault(MASTER).__dict__)
    yield made
    services_of(made).database.close()


def run(app: Flask, *arguments: str, **options: str) -> Result:
    """Type a command."""
    return app.test_cli_runner().invoke(args=list(arguments), **options)


def plant(programme: Programme) -> None:
    """Let a kept balance say what its transfers do not."""
    with programme.database.begin() as session:
        session.execute(update(FloorBalance).values(balance=FloorBalance.balance + 1))


def test_sound_books_pass(programme: Programme, app: Flask) -> None:
    programme.scan(programme.digits(programme.issue()))
    assert run(app, "ledger", "seal").output == "3 transfers sealed.\n"
    done = run(app, "ledger", "check")
    assert done.exit_code == 0, done.output
    assert done.output.count("✓") == len(RULES)
    assert json.loads(run(app, "ledger", "check", "--json").output)["sound"] is True


def test_a_planted_fault_is_named_and_fails(programme: Programme, app: Flask) -> None:
    programme.issue()
    run(app, "ledger", "seal")
    plant(programme)
    done = run(app, "ledger", "check")
    assert done.exit_code == 1
    assert "✗" in done.output
    told = run(app, "ledger", "check", "--json")
    assert told.exit_code == 1
    (finding,) = json.loads(told.output)["findings"]
    assert finding["rule"] == "the kept balance equals its transfers"
    assert finding["row"].startswith(str(programme.allocation_id))
    with programme.database.begin() as session:
        session.add(
            Statement(
                id=(statement := new_id()), partner_id=programme.partner_id, file_name="mars.csv", content=b"x",
                file_sha256=bytes(32), first_day=FIRST_DAY, last_day=FIRST_DAY, line_count=1, uploaded_by="staff:test",
                uploaded_at=programme.now,
            )
        )  # fmt: skip
    findings = json.loads(run(app, "ledger", "check", "--json").output)["findings"]
    named = {one["rule"]: UUID(one["row"]) for one in findings if one["row"] != finding["row"]}
    assert named == {STATEMENT: statement}


def test_keys_are_listed_rotated_and_revoked(programme: Programme, app: Flask) -> None:
    voucher = programme.issue()
    code = programme.digits(voucher)
    assert "Key 2 is active" in run(app, "keys", "rotate").output
    assert run(app, "keys", "revoke", "1", input="n\n").exit_code == 1
    assert run(app, "keys", "revoke", "1", "--yes").exit_code == 0
    with programme.database.read() as session:
        states = {key.key_id: key.status for key in session.scalars(select(SigningKey))}
    assert states == {1: "revoked", 2: "active"}
    shown = run(app, "keys", "list").output
    assert "revoked" in shown
    assert "active" in shown
    programme.ring.forget()
    assert programme.scan(code).outcome == "accepted"  # the books are at hand
    unknown = run(app, "keys", "revoke", "9", "--yes")
    assert unknown.exit_code == 1
    assert "Il n’y a pas de clé n° 9" in unknown.output


def expired(programme: Programme) -> int:
    """How many vouchers have expired."""
    with programme.database.read() as session:
        return session.scalar(select(func.count()).where(Voucher.state == VoucherState.EXPIRED.value)) or 0


def long_ago(programme: Programme) -> None:
    """Issue two vouchers whose last day is over."""
    for _ in range(2):
        voucher = programme.issue()
        with programme.database.begin() as session:
            yesterday = local_day(utc_now()) - timedelta(days=1)
            session.execute(update(Voucher).where(Voucher.id == voucher.id).values(last_day=yesterday))


def test_what_is_over_expires_by_hand(programme: Programme, app: Flask) -> None:
    long_ago(programme)
    assert run(app, "expire").output == "2 vouchers expired.\n0 steps of gifts that end.\n0 codes expired.\n"
    assert run(app, "expire").output == "0 vouchers expired.\n0 steps of gifts that end.\n0 codes expired.\n"
    assert expired(programme) == 2


def test_the_embedded_worker_expires_too(programme: Programme) -> None:
    long_ago(programme)
    worker = EmbeddedWorker(programme.database, {}, programme.vault, idle=timedelta(milliseconds=10))
    worker.start()
    try:
        until = utc_now() + timedelta(seconds=20)
        while expired(programme) < 2 and utc_now() < until:
            worker.nudge()
    finally:
        assert worker.stop()
    assert expired(programme) == 2


def test_celery_beat_expires_too(programme: Programme, app: Flask) -> None:
    long_ago(programme)
    celery = create_celery(services_of(app))
    assert celery.conf.beat_schedule["expire"] == {"task": EXPIRE, "schedule": EXPIRY_EVERY}
    celery.tasks[EXPIRE]()
    assert expired(programme) == 2


def coordinator(programme: Programme) -> str:
    """The sign-in of the coordinator."""
    return programme.member(Role.COORDINATOR).login


def make_lot(programme: Programme, folder: Path) -> Path:
    """A donor's file of three codes for the programme's partner."""
    with programme.database.read() as session:
        name = session.get_one(Partner, programme.partner_id).name
    plan = LotPlan("codes.csv", "TOPUP5", 500, 3, 0)
    content = lot_file(plan, local_day(utc_now()) + timedelta(days=90), random.Random(1))
    path = folder / "codes.csv"
    path.write_bytes(content.replace(f"partner;{PARTNERS[1]}".encode(), f"partner;{name}".encode()))
    return path


def test_a_lot_is_imported_once(programme: Programme, app: Flask, tmp_path: Path) -> None:
    path = make_lot(programme, tmp_path)
    command = ("import-lot", str(path), "--partner", "Opérateur Un", "--as", coordinator(programme))
    assert "3 codes" in run(app, *command).output
    assert "had been imported before" in run(app, *command).output
    with programme.database.read() as session:
        assert session.scalar(select(func.count(Lot.id))) == 1
    path.write_text("version;1\n", encoding="utf-8")
    bad = run(app, *command)
    assert bad.exit_code == 1
    assert "ligne" in bad.output
    assert run(app, "import-lot", str(path), "--partner", "Personne", "--as", coordinator(programme)).exit_code == 1
    assert run(app, "import-lot", str(path), "--partner", "Opérateur Un", "--as", "nobody").exit_code == 1


def batch_states(programme: Programme) -> dict[str, tuple[str, int]]:
    """State and count of each batch by its label."""
    with programme.database.read() as session:
        return {batch.label: (batch.state, batch.issued_count) for batch in session.scalars(select(Batch))}


def code_of(programme: Programme, offer_id: UUID) -> str:
    """The number of an offer."""
    with programme.database.read() as session:
        return str(session.get_one(Offer, offer_id).code)


def test_a_batch_is_issued_unless_a_second_person_is_needed(programme: Programme, app: Flask) -> None:
    with programme.database.begin() as session:
        today = local_day(utc_now())
        set_threshold(session, unit=Unit.EUR_CENT, effective_from=today, quantity=2_000, today=today)
    command = ("--campaign", "Hiver connecté", "--offer", code_of(programme, programme.top_up_id))
    signed = ("--as", coordinator(programme))
    few = run(app, "issue-batch", "Maraude", *command, "--quantity", "3", *signed)
    assert few.exit_code == 0, few.output
    many = run(app, "issue-batch", "Réserve", *command, "--quantity", "100", *signed)
    assert "second person" in many.output
    states = batch_states(programme)
    assert states == {"Maraude": (BatchState.ISSUED.value, 3), "Réserve": (BatchState.PENDING.value, 0)}
    assert run(app, "issue-batch", "X", "--campaign", "?", "--offer", "1", "--quantity", "1", *signed).exit_code == 1
    assert programme.findings() == []


def test_due_orders_are_delivered_by_hand(programme: Programme, app: Flask) -> None:
    programme.scan(programme.digits(programme.issue()))
    assert run(app, "deliver").output == "1 orders worked on.\n"
    assert run(app, "deliver").output == "0 orders worked on.\n"
