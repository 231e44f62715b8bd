"""Signing in and out: what opens, what ends a session, what stops guessing."""

from __future__ import annotations

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.doors.conftest import Clock
from tests.house import LOGIN_OF, client_as, composed, enter, is_sent_to_sign_in, make_app, services_of, token
from voucher_service.demo.staff import PASSWORD
from voucher_service.staff import accounts
from voucher_service.staff.models import Role, Staff
from voucher_service.web.house import local_path
from voucher_service.web.session.views import DOOR_OF


def stored_hash(app: Flask, login: str) -> str:
    """Return the password hash in the database."""
    with services_of(app).database.read() as session:
        return session.scalars(select(Staff.password_hash).where(Staff.login == login)).one()


def is_in(client: FlaskClient) -> bool:
    """Say whether a page behind the sign-in opens."""
    return client.get("/password").status_code == 200


@pytest.mark.postgresql
def test_signing_in_works_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    client = client_as(make_app(postgres_url, tmp_path), Role.COUNTER)
    assert is_in(client)
    answer = client.post("/sign-out", data={"csrf_token": token(client.get("/password"))})
    assert is_sent_to_sign_in(answer)
    assert not is_in(client)


@pytest.mark.parametrize("role", Role)
def test_the_front_page_leads_each_role_to_its_door(app: Flask, role: Role) -> None:
    assert client_as(app, role).get("/").location == DOOR_OF[role]
    assert is_sent_to_sign_in(app.test_client().get("/"))


def test_after_signing_in_the_page_asked_for_opens(app: Flask) -> None:
    client = app.test_client()
    asked = client.get("/password?from=mail")
    assert asked.location == "/sign-in?next=/password?from%3Dmail"
    assert enter(client, "accueil", target="/password?from=mail").location == "/password?from=mail"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\\b", "/a\nb", "/\t/evil.example"],
)
def test_nobody_is_led_to_another_site(target: str) -> None:
    assert local_path(target) == "/"
    assert local_path("/counter/?x=1") == "/counter/?x=1"


@pytest.mark.parametrize(
    ("login", "password"),
    [("accueil", "wrong"), ("nobody", PASSWORD), ("accueil", PASSWORD + " "), ("ACCUEIL", PASSWORD.upper())],
)
def test_a_wrong_login_and_a_wrong_password_read_alike(app: Flask, login: str, password: str) -> None:
    client = app.test_client()
    answer = enter(client, login, password)
    assert answer.status_code == 422
    assert "Identifiant ou mot de passe inconnu" in answer.text
    assert password not in answer.text
    assert not is_in(client)


def test_a_login_is_read_in_any_case(app: Flask) -> None:
    assert enter(app.test_client(), " Accueil ").status_code == 303


def test_an_empty_field_is_named(app: Flask) -> None:
    answer = enter(app.test_client(), "", "")
    assert answer.status_code == 422
    assert '<a href="#f-login">' in answer.text
    assert '<a href="#f-password">' in answer.text


@pytest.mark.usefixtures("costly_passwords")
def test_an_unknown_login_costs_a_hashing_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def noted(self: PasswordHasher, known: str, given: str) -> bool:
        verified.append(known)
        return verify(self, known, given)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    for login in ("accueil", "nobody"):
        enter(app.test_client(), login, "wrong")
    assert [known.rpartition("$")[0].rpartition("$")[0] for known in verified] == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


def test_the_sixth_wrong_try_of_an_account_waits(app: Flask) -> None:
    answers = [enter(app.test_client(), "accueil", "wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 900
    assert enter(app.test_client(), "accueil").status_code == 429, "the right password waits too"
    assert enter(app.test_client(), "benevole").status_code == 303, "others do not"


def test_a_right_password_forgets_the_wrong_ones(app: Flask) -> None:
    for _ in range(3):
        assert [enter(app.test_client(), "accueil", "wrong").status_code for _ in range(4)] == [422] * 4
        assert enter(app.test_client(), "accueil").status_code == 303


def test_an_address_that_guesses_many_accounts_waits(app: Flask) -> None:
    answers = [enter(app.test_client(), f"somebody{n}", "wrong") for n in range(21)]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert enter(app.test_client(), "accueil", environ_base=elsewhere).status_code == 303


def test_no_proxy_is_believed_unasked(app: Flask) -> None:
    for n in range(20):
        enter(app.test_client(), f"somebody{n}", "wrong", headers={"X-Forwarded-For": f"203.0.113.{n}"})
    assert enter(app.test_client(), "accueil").status_code == 429


def test_limits_are_shared_through_redis(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    one = make_app(sqlite_url, tmp_path, redis_url=redis_url)
    another = composed(services_of(one).settings)
    for _ in range(5):
        enter(one.test_client(), "accueil", "wrong")
    assert enter(another.test_client(), "accueil").status_code == 429


def test_limits_hold_in_this_process_while_redis_is_away(sqlite_url: str, tmp_path: Path) -> None:
    app = make_app(sqlite_url, tmp_path, redis_url="redis://127.0.0.1:1/0")
    assert [enter(app.test_client(), "accueil", "wrong").status_code for _ in range(6)] == [422] * 5 + [429]


def test_a_session_planted_before_is_dropped(app: Flask) -> None:
    client = app.test_client()
    before = token(client.get("/sign-in"))
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    enter(client, "accueil")
    with client.session_transaction() as session:
        assert "planted" not in session
    assert client.post("/sign-out", data={"csrf_token": before}).status_code == 400


def test_thirty_idle_minutes_end_a_session(app: Flask, clock: Clock) -> None:
    client = client_as(app, Role.COUNTER)
    for _ in range(4):
        clock.move(minutes=29)
        assert is_in(client)
    clock.move(minutes=31)
    assert not is_in(client)


def test_twelve_hours_end_a_session_in_use(app: Flask, clock: Clock) -> None:
    client = client_as(app, Role.COUNTER)
    for _ in range(12 * 3):
        clock.move(minutes=20)
        assert is_in(client)
    clock.move(minutes=1)
    assert not is_in(client)


def test_signing_out_ends_a_copied_cookie(app: Flask) -> None:
    client = client_as(app, Role.COUNTER)
    cookie = client.get_cookie("session")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    assert is_in(thief)
    client.post("/sign-out", data={"csrf_token": token(client.get("/password"))})
    assert not is_in(thief)


def test_a_closed_account_is_out_at_once(app: Flask) -> None:
    client = client_as(app, Role.COUNTER)
    database = services_of(app).database
    with database.read() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.login == LOGIN_OF[Role.COUNTER])).one()
    database.run(accounts.deactivate, staff_id)
    assert not is_in(client)
    assert enter(app.test_client(), "accueil").status_code == 422


def test_a_changed_password_ends_the_other_sessions(app: Flask) -> None:
    here, there = client_as(app, Role.COUNTER), client_as(app, Role.COUNTER)
    new = "quatre mots bien choisis"
    sent = {"current_password": PASSWORD, "password": new, "password_again": new}
    answer = here.post("/password", data={**sent, "csrf_token": token(here.get("/password"))})
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_in(here)
    assert not is_in(there)
    assert enter(app.test_client(), "accueil").status_code == 422
    assert enter(app.test_client(), "accueil", new).status_code == 303


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("current_password", {"current_password": "wrong"}),
        ("password_again", {"password_again": "something else"}),
        ("password", {"password": "too short", "password_again": "too short"}),
        ("password", {"password": "accueil accueil", "password_again": "accueil accueil"}),
        ("password", {"password": "aaaaaaaaaaaaaaaa", "password_again": "aaaaaaaaaaaaaaaa"}),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(app: Flask, field: str, change: dict[str, str]) -> None:
    client = client_as(app, Role.COUNTER)
    sent = {"current_password": PASSWORD, "password": "quatre mots bien choisis"}
    sent |= {"password_again": sent["password"], "csrf_token": token(client.get("/password"))}
    before = stored_hash(app, "accueil")
    answer = client.post("/password", data=sent | change)
    assert answer.status_code == 422
    assert f'<a href="#f-{field}">' in answer.text
    assert stored_hash(app, "accueil") == before


@pytest.mark.usefixtures("costly_passwords")
def test_an_old_hash_is_made_anew_at_the_next_sign_in(app: Flask) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    with services_of(app).database.begin() as session:
        session.execute(update(Staff).where(Staff.login == "accueil").values(password_hash=cheap))
    client_as(app, Role.COUNTER)
    assert stored_hash(app, "accueil").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_in(client_as(app, Role.COUNTER))


@pytest.mark.parametrize("name", ["session", "__Host-session"])
def test_a_forged_cookie_opens_nothing(app: Flask, name: str) -> None:
    client = client_as(app, Role.COORDINATOR)
    cookie = client.get_cookie("session")
    assert cookie is not None
    forger = app.test_client()
    for value in (cookie.value[:-1], cookie.value[1:], cookie.value + "x", "", "é", "a.b.c"):
        forger.set_cookie(name, value)
        assert not is_in(forger)
