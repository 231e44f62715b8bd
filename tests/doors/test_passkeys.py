"""Passkeys at the door: what is refused, and that a challenge is good once, for who asked, for five minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import webauthn
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.doors.conftest import Clock
from tests.doors.soft_key import PRESENT, SoftKey
from tests.house import client_as, make_app, services_of, token
from voucher_service.demo.staff import PASSWORD
from voucher_service.staff import accounts, passkeys
from voucher_service.staff.models import Role, Staff
from voucher_service.staff.passkey_models import PasskeyChallenge, StaffPasskey

ORIGIN, PARTY = "https://bons.example.org", "bons.example.org"


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    """The application at a public address."""
    return make_app(sqlite_url, tmp_path, public_url=ORIGIN)


def post(client: FlaskClient, path: str, body: dict[str, Any], csrf: str = "") -> TestResponse:
    """Send JSON as the page's script does."""
    csrf = csrf or token(client.get("/password"))
    return client.post(path, json=body, headers={"X-CSRFToken": csrf, "Referer": f"http://localhost{path}"})


def asked(client: FlaskClient) -> dict[str, Any]:
    """The options of a registration, the password shown."""
    answer = post(client, "/account/passkeys/options", {"current_password": PASSWORD})
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.get_json()["options"]
    return options


def keep(client: FlaskClient, key: SoftKey) -> TestResponse:
    """Add the passkey."""
    return post(client, "/account/passkeys", {"name": "Essai", "credential": key.make(asked(client))})


def enter(app: Flask, key: SoftKey, client: FlaskClient | None = None, **more: Any) -> TestResponse:
    """Sign in with it in a fresh browser."""
    client = client or app.test_client()
    given = client.get("/passkey/challenge").get_json()
    return post(client, "/passkey/enter", {"credential": key.answer(given["options"]), **more}, given["csrf_token"])


def held(app: Flask) -> int:
    """How many passkeys are kept."""
    with services_of(app).database.read() as session:
        return session.scalar(select(func.count(StaffPasskey.id))) or 0


@pytest.fixture
def key(app: Flask) -> SoftKey:
    """A passkey of the counter's person, added and good."""
    made = SoftKey(PARTY, ORIGIN)
    assert keep(client_as(app, Role.COUNTER), made).status_code == 201
    return made


def test_it_opens_the_account_and_leads_where_one_wanted_to_go(app: Flask, key: SoftKey) -> None:
    client = app.test_client()
    answer = enter(app, key, client, next="/counter/visits")
    assert (answer.status_code, answer.get_json()["next"]) == (200, "/counter/visits")
    assert "Inès Benali" in client.get("/account/").text
    away = enter(app, key, next="https://evil.example/")
    assert away.get_json()["next"].startswith("/")
    assert "evil" not in away.get_json()["next"]


LIES: dict[str, Callable[[SoftKey], object]] = {
    "another site": lambda key: setattr(key, "origin", "https://bons.example.org.evil.example"),
    "without TLS": lambda key: setattr(key, "origin", "http://bons.example.org"),
    "another party": lambda key: setattr(key, "party", "evil.example"),
    "nobody verified": lambda key: setattr(key, "flags", PRESENT),
    "nobody present": lambda key: setattr(key, "flags", 0),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_from_elsewhere_or_without_the_person_is_refused(app: Flask, key: SoftKey, lie: str) -> None:
    LIES[lie](key)
    answer = enter(app, key)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "passkey_refused")
    another = SoftKey(PARTY, ORIGIN)
    LIES[lie](another)
    refused = keep(client_as(app, Role.VOLUNTEER), another)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "credential")
    assert held(app) == 1


def test_another_key_or_another_account_behind_the_same_id_is_refused(app: Flask, key: SoftKey) -> None:
    forged = SoftKey(PARTY, ORIGIN, id=key.id, user=key.user)
    assert enter(app, forged).status_code == 401
    unknown = SoftKey(PARTY, ORIGIN, user=key.user)
    assert enter(app, unknown).status_code == 401
    key.user = bytes(16)
    assert enter(app, key).status_code == 401


def test_the_count_must_rise_and_zero_means_that_it_does_not_count(app: Flask, key: SoftKey) -> None:
    assert [enter(app, key).status_code for _ in range(2)] == [200, 200]
    key.count = 7
    assert [enter(app, key).status_code for _ in range(2)] == [200, 401]
    key.count = 6
    assert enter(app, key).status_code == 401
    key.count = 8
    assert enter(app, key).status_code == 200


def test_two_answers_with_one_count_open_once(app: Flask, key: SoftKey) -> None:
    """The second has read the count before the first wrote it."""
    services, party = services_of(app), passkeys.Party(PARTY, ORIGIN)
    key.count = 3
    with services.database.read() as session:
        row = session.scalars(select(StaffPasskey)).one()
        session.expunge(row)
    now = row.added_at
    made = services.database.run(passkeys.challenge, None, now=now)
    answer = key.answer(passkeys.entry_options(party, made))
    with services.database.begin() as session:
        stale = session.scalars(select(StaffPasskey)).one()  # stays in this session as it was read
        assert stale.sign_count == 0
        session.connection().exec_driver_sql("UPDATE staff_passkey SET sign_count = 3")
        with pytest.raises(passkeys.BadPasskey, match="copied"):
            passkeys.enter(session, party, made, answer, now=now)


def test_a_challenge_is_answered_once(app: Flask, key: SoftKey) -> None:
    client = app.test_client()
    given = client.get("/passkey/challenge").get_json()
    with client.session_transaction() as cookie:
        copied = dict(cookie)
    body = {"credential": key.answer(given["options"])}
    assert post(client, "/passkey/enter", body, given["csrf_token"]).status_code == 200
    again = app.test_client()
    with again.session_transaction() as cookie:
        cookie.update(copied)  # a thief has the cookie and the answer as they were
    answer = post(again, "/passkey/enter", body, given["csrf_token"])
    assert (answer.status_code, answer.get_json()["code"]) == (401, "passkey_refused")


def test_a_refused_answer_spends_the_challenge_too(app: Flask, key: SoftKey) -> None:
    client = app.test_client()
    given = client.get("/passkey/challenge").get_json()
    with client.session_transaction() as cookie:
        copied = dict(cookie)
    right = key.answer(given["options"])
    key.flags = PRESENT
    assert (
        post(client, "/passkey/enter", {"credential": key.answer(given["options"])}, given["csrf_token"]).status_code
        == 401
    )
    with client.session_transaction() as cookie:
        cookie.update(copied)
    assert post(client, "/passkey/enter", {"credential": right}, given["csrf_token"]).status_code == 401


def test_a_challenge_is_for_who_asked_and_for_its_purpose(app: Flask, key: SoftKey) -> None:
    mine, other = client_as(app, Role.COUNTER), client_as(app, Role.VOLUNTEER)
    answer = SoftKey(PARTY, ORIGIN).make(asked(mine))
    with mine.session_transaction() as cookie:
        challenge = cookie["passkey"]
    with other.session_transaction() as cookie:
        cookie["passkey"] = challenge
    assert post(other, "/account/passkeys", {"name": "", "credential": answer}).status_code == 401
    given = mine.get("/passkey/challenge").get_json()
    options = {**asked(client_as(app, Role.COUNTER)), "challenge": given["options"]["challenge"]}
    entry_answer = SoftKey(PARTY, ORIGIN).make(options)
    assert post(mine, "/account/passkeys", {"name": "", "credential": entry_answer}).status_code == 401
    assert held(app) == 1


def test_a_challenge_ends_after_five_minutes(app: Flask, clock: Clock) -> None:
    client, key = client_as(app, Role.COUNTER), SoftKey(PARTY, ORIGIN)
    answer = key.make(asked(client))
    clock.move(minutes=5, seconds=1)
    assert post(client, "/account/passkeys", {"name": "", "credential": answer}).status_code == 401
    assert keep(client, key).status_code == 201
    with services_of(app).database.read() as session:
        assert session.scalars(select(PasskeyChallenge)).all() == [], "outdated ones are swept, answered ones spent"


def test_the_password_is_asked_before_one_is_added(app: Flask) -> None:
    client = client_as(app, Role.COUNTER)
    answer = post(client, "/account/passkeys/options", {"current_password": "autre chose encore"})
    assert (answer.status_code, answer.get_json()["field"]) == (422, "current_password")
    made = SoftKey(PARTY, ORIGIN).make({"user": {"id": "AAAA"}, "challenge": "AAAA"})
    assert post(client, "/account/passkeys", {"name": "", "credential": made}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"id": "AAAA"}, {"id": "AAAA", "rawId": "AAAA", "type": "x", "response": 3}])
def test_garbage_is_refused_politely(app: Flask, key: SoftKey, body: dict[str, Any]) -> None:
    client = app.test_client()
    given = client.get("/passkey/challenge").get_json()
    assert post(client, "/passkey/enter", {"credential": body}, given["csrf_token"]).status_code == 401
    signed = client_as(app, Role.COUNTER)
    asked(signed)
    assert post(signed, "/account/passkeys", {"name": "", "credential": body}).status_code == 422


def test_guessing_from_one_address_is_stopped(app: Flask) -> None:
    answers = [enter(app, SoftKey(PARTY, ORIGIN)).status_code for _ in range(21)]
    assert answers == [401] * 20 + [429]


def test_one_is_added_once_and_ten_at_most(app: Flask, key: SoftKey) -> None:
    client = client_as(app, Role.COUNTER)
    again = keep(client, key)
    assert (again.status_code, again.get_json()["code"]) == (409, "passkey_known")
    for _ in range(passkeys.MOST - 1):
        assert keep(client, SoftKey(PARTY, ORIGIN)).status_code == 201
    assert keep(client, SoftKey(PARTY, ORIGIN)).get_json()["code"] == "too_many_passkeys"
    assert held(app) == passkeys.MOST


def test_only_ones_own_can_be_removed(app: Flask, key: SoftKey) -> None:
    with services_of(app).database.read() as session:
        path = f"/account/passkeys/{session.scalars(select(StaffPasskey.id)).one()}/remove"
    other = client_as(app, Role.VOLUNTEER)
    assert other.get(path).status_code == 404
    assert other.post(path, data={"csrf_token": token(other.get("/password"))}).status_code == 404
    assert held(app) == 1
    own = client_as(app, Role.COUNTER)
    assert own.post(path, data={"csrf_token": token(own.get(path))}).status_code == 303
    assert held(app) == 0


def test_a_password_given_by_others_ends_passkeys_and_a_closed_account_has_none(app: Flask, key: SoftKey) -> None:
    database = services_of(app).database
    with database.read() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.login == "accueil")).one()
    awa = client_as(app, Role.COORDINATOR)
    page = awa.get(f"/admin/team/{staff_id}")
    reset = awa.post(f"/admin/team/{staff_id}/password", data={"csrf_token": token(page)})
    assert reset.status_code == 200
    assert held(app) == 0
    assert enter(app, key).status_code == 401
    coordinator = SoftKey(PARTY, ORIGIN)
    assert keep(awa, coordinator).status_code == 201
    with database.read() as session:
        own = session.scalars(select(Staff.id).where(Staff.login == "coordination")).one()
    database.run(accounts.deactivate, own)
    assert enter(app, coordinator).status_code == 401


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("https://bons.example.org", passkeys.Party("bons.example.org", "https://bons.example.org")),
        ("https://bons.example.org:8443", passkeys.Party("bons.example.org", "https://bons.example.org:8443")),
        ("http://localhost:8000", passkeys.Party("localhost", "http://localhost:8000")),
        ("http://bons.example.org", None),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.7", None),
        ("https://[::1]:8000", None),
    ],
)
def test_the_party_comes_from_the_public_address(address: str, party: passkeys.Party | None) -> None:
    assert passkeys.party_of(address) == party


def test_each_check_is_the_one_that_refuses(app: Flask, key: SoftKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lies above are otherwise good answers: with the check planted out, each one opens the account."""
    checked = webauthn.verify_authentication_response

    def lax(**given: Any) -> Any:
        return checked(**given | {"require_user_verification": False, "expected_origin": key.origin})

    monkeypatch.setattr(webauthn, "verify_authentication_response", lax)
    key.flags = PRESENT
    assert enter(app, key).status_code == 200
    key.origin = "https://bons.example.org.evil.example"
    assert enter(app, key).status_code == 200
    monkeypatch.setattr(passkeys, "spend", lambda *_given, **_more: True)
    client = app.test_client()
    given = client.get("/passkey/challenge").get_json()
    with client.session_transaction() as cookie:
        copied = dict(cookie)
    body = {"credential": key.answer(given["options"])}
    assert post(client, "/passkey/enter", body, given["csrf_token"]).status_code == 200
    again = app.test_client()
    with again.session_transaction() as cookie:
        cookie.update(copied)
    assert post(again, "/passkey/enter", body, given["csrf_token"]).status_code == 200
