"""Codes lost or given back, from the page of the stock: checked, agreed to by another person."""

from __future__ import annotations

from flask import Flask

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.flows.delivery.lots import lot_file
from tests.house import services_of
from voucher_service.fulfilment.lots import import_lot
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.models import Partner


def a_lot(app: Flask, programme: Programme, many: int) -> int:
    """Import a lot of the programme's partner."""
    services = services_of(app)
    with services.database.read() as session:
        name = session.get_one(Partner, programme.partner_id).name
    made = import_lot(
        services.database,
        services.vault,
        partner_id=programme.partner_id,
        file_name="codes.csv",
        content=lot_file(list(range(many)), partner=name),
        actor="staff:test",
        now=utc_now(),
    )
    return made.lot_id


def test_a_loss_above_the_threshold_waits_for_another_person(
    app: Flask, awa: Desk, marc: Desk, hugo: Desk, programme: Programme
) -> None:
    lot_id = a_lot(app, programme, 3)
    path = f"/admin/stock/acts/lots/{lot_id}"
    assert "n’est sorti du stock" in hugo.get("/admin/stock/acts/").text
    wanted = {"key": new_id(), "kind": "lost", "quantity": "2", "reason": "enveloppe ouverte"}
    assert "Sortir cela du stock ?" in awa.send(path, **wanted).text
    assert "C’est sorti du stock" in awa.follow(path, step="confirm", **wanted).text, "two are below the threshold"
    too_many = {"key": new_id(), "kind": "returned", "quantity": "2", "reason": "fin de convention"}
    refused = awa.send(path, step="confirm", **too_many)
    assert refused.status_code == 409
    assert "n’a plus autant de codes" in refused.text
    assert faults(awa.send(path, **(wanted | {"quantity": "0"})))[0][0] == "quantity"


def test_two_people(app: Flask, awa: Desk, marc: Desk, programme: Programme) -> None:
    lot_id = a_lot(app, programme, 10_050)  # the threshold of this programme is 10,000 of any unit
    path = f"/admin/stock/acts/lots/{lot_id}"
    wanted = {"key": new_id(), "kind": "returned", "quantity": "10001", "reason": "fin de convention"}
    page = awa.follow(path, step="confirm", **wanted).text
    assert "attend l’accord" in page
    assert "Approuver" not in page
    act = wanted["key"]
    assert "une autre personne" in awa.follow(f"/admin/stock/acts/{act}/agree").text
    assert "Approuver" in marc.get("/admin/stock/acts/").text
    assert "C’est sorti du stock" in marc.follow(f"/admin/stock/acts/{act}/agree").text
