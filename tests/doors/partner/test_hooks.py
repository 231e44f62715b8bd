"""The partner's pages of webhooks: a secret shown once, switched off and on, what was told and told again."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.webhooks import HttpSender
from tests.desk import Desk
from tests.house import services_of, token
from tests.webhooks.conftest import Receiver, receiver
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.webhooks.courier import Courier


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors that may reach this machine."""
    made = Desk.make(sqlite_url, tmp_path)
    made.app.extensions["services"] = dataclasses.replace(services_of(made.app), sender=HttpSender(private=True))
    yield made
    made.close()


@pytest.fixture
def there() -> Iterator[Receiver]:
    """A running receiver."""
    with receiver() as made:
        yield made


def press(http: Any, page: str, path: str, **fields: object) -> Any:
    """Send a form of the page."""
    return http.post(path, data={"csrf_token": token(http.get(page)), **fields})


def test_a_webhook_from_its_making_to_its_log(desk: Desk, there: Receiver) -> None:
    them, page = desk.client(Role.PARTNER).http, f"/partner/{desk.programme.partner_id}/webhooks"
    assert "Aucun webhook" in them.get(page).text
    wrong = press(them, f"{page}/new", page, address="exemple.fr", events="statement.reconciled")
    assert (wrong.status_code, "n’est pas complète" in wrong.text) == (422, True)
    assert press(them, f"{page}/new", page, address=there.address).status_code == 422
    made = press(them, f"{page}/new", page, address=there.address, events=["statement.reconciled", "period.agreed"])
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    assert secret
    listed = them.get(page).text
    assert there.address in listed
    assert secret[0] not in listed
    at = re.search(rf"{page}/[0-9a-f-]+", listed)
    assert at
    assert press(them, page, f"{at[0]}/trial").status_code == 303
    there.statuses = [503, 200]
    services = services_of(desk.app)
    courier = Courier(services.database, services.sender, services.vault, lambda: desk.programme.now)
    assert courier.turn() == 1
    log = them.get(f"{at[0]}/log").text
    assert "Réponse 503" in log
    assert "Réessayer" in log
    again = re.search(rf"{at[0]}/log/[0-9a-f-]+", log)
    assert again
    assert press(them, f"{at[0]}/log", again[0]).status_code == 303
    assert courier.turn() == 1
    assert "Arrivé" in them.get(f"{at[0]}/log").text
    assert press(them, page, again[0]).status_code == 409
    asked = them.get(f"{at[0]}/rotate").text
    assert "Changer le secret de ce webhook ?" in asked
    assert there.address in asked
    assert "Deux secrets signent" not in them.get(page).text, "a look changes nothing"
    rotated = press(them, f"{at[0]}/rotate", f"{at[0]}/rotate").text
    assert "7 jours" in rotated
    assert secret[0] not in rotated
    assert "Deux secrets signent" in them.get(page).text
    assert "n’apprend plus rien" in them.get(f"{at[0]}/off").text
    assert "Coupé" not in them.get(page).text
    assert press(them, f"{at[0]}/off", f"{at[0]}/off").status_code == 303
    assert "Coupé" in them.get(page).text
    assert them.get(f"{at[0]}/off").status_code == 404, "it is off already"
    assert press(them, page, f"{at[0]}/on").status_code == 303


def test_the_coordination_sees_and_switches_off_but_makes_none(desk: Desk, there: Receiver) -> None:
    them, us = desk.client(Role.PARTNER).http, desk.client(Role.COORDINATOR).http
    page = f"/partner/{desk.programme.partner_id}/webhooks"
    press(them, f"{page}/new", page, address=there.address, events="period.agreed")
    shown = us.get(page).text
    at = re.search(rf"{page}/[0-9a-f-]+", shown)
    assert at
    assert "Changer le secret" not in shown
    assert us.get(f"{at[0]}/rotate").status_code == 403
    assert press(us, f"{at[0]}/off", f"{at[0]}/rotate").status_code == 403
    assert press(us, f"{at[0]}/off", f"{at[0]}/off").status_code == 303
    for path in (f"/partner/{new_id()}/webhooks", f"{page}/{new_id()}/log"):
        assert them.get(path).status_code == 404
