"""Batches through the forms: two people above the threshold, a job that stops and goes on, files to print."""

from __future__ import annotations

import csv
import io
from uuid import UUID

import pypdfium2
from flask import Flask
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import services_of
from voucher_service.ids import local_day, new_id
from voucher_service.partners.models import Allocation
from voucher_service.vouchers.batch_runner import BatchRunner
from voucher_service.vouchers.models import Batch, Voucher
from voucher_service.vouchers.printing import plain_cell


def ask(desk: Desk, programme: Programme, quantity: int, **fields: object) -> str:
    """Ask for a batch; return its address."""
    sent = {"what": programme.what, "label": "Maraude", "quantity": quantity, "key": str(new_id())} | fields
    answer = desk.send("/admin/batches/new", step="confirm", **sent)
    assert answer.status_code == 303, faults(answer)
    return str(answer.location)


def settled(app: Flask) -> None:
    """Wait for the background thread."""
    runner: BatchRunner = app.extensions["batch_runner"]
    assert runner.wait(20)


def batch(app: Flask, path: str) -> Batch:
    """Return the batch at this address."""
    with services_of(app).database.read() as session:
        return session.get_one(Batch, UUID(path.rsplit("/", 1)[1]))


def test_a_small_batch_is_issued_at_once_and_printed(app: Flask, awa: Desk, hugo: Desk, programme: Programme) -> None:
    path = ask(awa, programme, 10, branch_id=programme.branch_id)
    settled(app)
    assert "10 / 10" in awa.get(path).text
    assert "10 / 10" in awa.get(f"{path}/progress").text
    for layout, pages in (("labels", 1), ("cards", 2)):
        pdf = awa.get(f"{path}/sheet.pdf?layout={layout}")
        assert len(pypdfium2.PdfDocument(pdf.data)) == pages
    table = awa.get(f"{path}/codes.csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table), delimiter=";"))
    services = services_of(app)
    with services.database.read() as session:
        vouchers = session.scalars(select(Voucher).order_by(Voucher.id)).all()
        assert [row["qr_digits"] for row in rows] == [services.ring.printed(session, one).digits for one in vouchers]
    assert all(len(row["typed_code"]) == 19 for row in rows)
    for file in ("sheet.pdf", "codes.csv"):
        assert hugo.get(f"{path}/{file}").status_code == 403
        assert awa.get(f"{path}/{file}?part=2").status_code == 404
        assert awa.get(f"{path}/{file}?part=0").status_code == 422


def test_a_large_batch_waits_for_someone_else(app: Flask, awa: Desk, marc: Desk, programme: Programme) -> None:
    path = ask(awa, programme, 21)  # 105 euros; the threshold is 100
    assert "il attend une autre personne" in awa.get(path).text
    assert "une autre personne doit donner son accord" in awa.follow(f"{path}/approve").text
    settled(app)
    assert (batch(app, path).state, batch(app, path).issued_count) == ("pending", 0)
    assert awa.get(f"{path}/sheet.pdf").status_code == 404
    declined = marc.follow(f"{path}/decline")
    assert "Refusé par" in declined.text
    assert "a été refusé" in marc.follow(f"{path}/approve").text


def test_splitting_a_batch_does_not_avoid_the_second_person(app: Flask, awa: Desk, programme: Programme) -> None:
    first = ask(awa, programme, 10)
    settled(app)
    assert batch(app, first).state == "issued"
    assert batch(app, ask(awa, programme, 11)).state == "pending"


def test_a_batch_stops_when_the_gift_is_used_up_and_goes_on_later(app: Flask, awa: Desk, programme: Programme) -> None:
    path = ask(awa, programme, 19)  # 95 euros of a gift of 90
    settled(app)
    page = awa.get(path).text
    assert "L’émission s’est arrêtée" in page
    assert "suffisent pour 18 bons" in page
    assert "Lots interrompus" in awa.get("/admin/").text
    more = {
        "agreement_id": programme.agreement_id,
        "label": "Complément",
        "unit": "eur_cent",
        "quantity": "10",
        "valid_from": local_day(batch(app, path).created_at),
        "valid_until": last_day(app, programme),
    }
    awa.follow("/admin/allocations/new", step="confirm", **more)
    awa.follow(f"{path}/resume")
    settled(app)
    assert (batch(app, path).state, batch(app, path).issued_count) == ("issued", 19)


def last_day(app: Flask, programme: Programme) -> str:
    """Return the last day of the gift there is."""
    with services_of(app).database.read() as session:
        return session.get_one(Allocation, programme.allocation_id).valid_until.isoformat()


def test_the_same_form_twice_asks_for_one_batch(app: Flask, awa: Desk, programme: Programme) -> None:
    key = str(new_id())
    assert ask(awa, programme, 2, key=key) == ask(awa, programme, 2, key=key)
    other = awa.send("/admin/batches/new", step="confirm", what=programme.what, label="Autre", quantity=3, key=key)
    assert other.status_code == 422
    settled(app)


def test_a_spreadsheet_runs_nothing_of_ours() -> None:
    assert [plain_cell(text) for text in ("=1+1", "+33", "-2", "@x", "\tx", "Lyon", "")] == [
        "'=1+1", "'+33", "'-2", "'@x", "'\tx", "Lyon", "",
    ]  # fmt: skip
