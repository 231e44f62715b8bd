"""`flask devices`: invited, listed, withdrawn."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.asymmetric import ec

from tests.desk import Desk
from tests.offline.device import enrol
from voucher_service.staff.models import Role


def test_a_device_is_invited_listed_and_withdrawn(desk: Desk) -> None:
    runner, login = desk.app.test_cli_runner(), desk.login(Role.COORDINATOR)
    refused = runner.invoke(args=["devices", "invite", "Tablette", "--branch", "Antenne Nord", "--as", "personne"])
    assert "no coordinator" in refused.output
    refused = runner.invoke(args=["devices", "invite", "Tablette", "--branch", "Nulle part", "--as", login])
    assert "no branch" in refused.output
    desk.app.extensions["clock"] = lambda: desk.programme.now
    made = runner.invoke(args=["devices", "invite", "Tablette", "--branch", "Antenne Nord", "--as", login])
    found = re.search(r"#([2-9A-Z]{10})", made.output)
    assert found is not None, made.output
    device_id = enrol(desk, ec.generate_private_key(ec.SECP256R1()), found[1]).get_json()["device"]["id"]
    assert "in use" in runner.invoke(args=["devices", "list"]).output
    gone = runner.invoke(args=["devices", "revoke", device_id, "--reason", "perdu", "--as", login])
    assert gone.exit_code == 0, gone.output
    assert "withdrawn" in runner.invoke(args=["devices", "list"]).output
    again = runner.invoke(args=["devices", "revoke", device_id, "--reason", " ", "--as", login])
    assert again.exit_code == 1
