"""The pages of devices: a code shown once, what each told, and withdrawing one."""

from __future__ import annotations

import re
from datetime import timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.doors.admin.offline_story import Story
from tests.house import services_of
from voucher_service.ids import utc_now
from voucher_service.staff import devices
from voucher_service.staff.device_models import Device, DeviceInvitation
from voucher_service.visits.offline import wire


def test_an_empty_list_teaches(awa: Desk, programme: Programme) -> None:
    page = awa.get("/admin/devices/").text
    assert "Aucun appareil encore" in page
    assert 'href="/admin/devices/new"' in page


def test_an_invitation_is_shown_once_and_enrols_one_device(awa: Desk, app: Flask, programme: Programme) -> None:
    shown = awa.send("/admin/devices/new", name="Tablette", branch_id=programme.branch_id)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    code = re.search(r'id="invitation"[^>]*>([0-9A-Z]{5}-[0-9A-Z]{5})<', shown.text)
    assert code, shown.text
    assert "<svg" in shown.text
    services, key = services_of(app), ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    device = services.database.run(
        devices.enrol,
        services.vault,
        code=devices.clean_code(code[1]),
        public_key=wire.public_point(spki),
        now=utc_now(),
    )
    assert (device.name, device.branch_id) == ("Tablette", programme.branch_id)
    with services.database.read() as session:
        invitation = session.scalars(select(DeviceInvitation)).one()
    assert timedelta(minutes=14) < invitation.valid_until - invitation.made_at <= devices.INVITED_FOR
    assert code[1] not in awa.get("/admin/devices/").text
    assert "Tablette" in awa.get("/admin/devices/").text


def test_wrong_input_is_told_at_its_field(awa: Desk, app: Flask, programme: Programme) -> None:
    answer = awa.send("/admin/devices/new", name=" ", branch_id=programme.branch_id)
    assert answer.status_code == 422
    assert [field for field, _ in faults(answer)] == ["name"]
    assert faults(awa.send("/admin/devices/new", name="Tablette", branch_id=99999)) == [
        ("branch_id", "Cette antenne n’existe pas : choisissez-en une.")
    ]
    with services_of(app).database.read() as session:
        assert session.scalars(select(DeviceInvitation)).all() == []


def test_an_address_that_telephones_cannot_open_is_told(awa: Desk, programme: Programme) -> None:
    shown = awa.send("/admin/devices/new", name="Tablette", branch_id=programme.branch_id)
    assert "Un autre appareil n’ouvrira pas cette adresse" in shown.text  # the tests are served on plain HTTP


def test_a_withdrawn_device_says_by_whom_and_why(awa: Desk, hugo: Desk, story: Story) -> None:
    path = f"/admin/devices/{story.tablet.id}"
    assert "En service" in awa.get(path).text
    assert "Retirer cet appareil" not in hugo.get(path).text
    assert hugo.send(f"{path}/withdraw", reason="perdue").status_code == 403
    answer = awa.send(f"{path}/withdraw", reason=" ")
    assert (answer.status_code, [field for field, _ in faults(answer)]) == (422, ["reason"])
    done = awa.follow(f"{path}/withdraw", reason="oubliée dans le bus")
    assert "oubliée dans le bus" in done.text
    assert "Awa Diallo" in done.text
    assert "Retirer cet appareil" not in done.text
    with services_of(story.app).database.read() as session:
        assert session.get_one(Device, story.tablet.id).revoked_at is not None


def test_the_list_counts_what_came_what_is_missing_and_what_waits(awa: Desk, story: Story) -> None:
    story.accept_used()
    lost = story.accept_new()
    story.accept_new()
    story.tablet.queue.remove(lost)
    story.upload()
    listed = awa.get("/admin/devices/").text
    assert "Il en manque 1" in listed
    assert "1 à régler" in listed
    assert "Des numéros manquent" in awa.get(f"/admin/devices/{story.tablet.id}").text
    story.tablet.queue[:] = [lost]
    story.upload()
    listed = awa.get("/admin/devices/").text
    assert "Il en manque" not in listed
    assert "Passages : 3" in listed


def test_filters(awa: Desk, story: Story) -> None:
    name = "Tablette d’essai"
    assert name in awa.get("/admin/devices/?in_use=yes").text
    assert name not in awa.get("/admin/devices/?in_use=no").text
    assert name not in awa.get(f"/admin/devices/?branch_id={story.programme.branch_id + 1}").text
    assert awa.get("/admin/devices/00000000-0000-0000-0000-000000000001").status_code == 404
