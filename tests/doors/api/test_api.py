"""The partners' API: what a key opens, what it never shows, and that asking twice does it once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.doors.api.conftest import Program, token_for
from tests.doors.api.test_exports import closed
from tests.flows.reconciliation import builders
from tests.house import LOGIN_OF, client_as, services_of
from tests.house import token as token_of
from voucher_service.ids import local_day, new_id, utc_now
from voucher_service.partners.api import keys
from voucher_service.partners.api.answers import ABANDONED
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.api.models import ApiAnswer, ApiKey
from voucher_service.partners.models import Agreement, Partner
from voucher_service.reconciliation.models import Statement
from voucher_service.staff.models import Role, Staff
from voucher_service.units import Unit
from voucher_service.web.api import balances, door, exports, views


def statements_kept(program: Program) -> int:
    with services_of(program.app).database.read() as session:
        return session.scalar(select(func.count()).select_from(Statement)) or 0


def test_a_statement_is_sent_reconciled_and_read_again(program: Program) -> None:
    sent = program.send(program.statement())
    assert sent.status_code == 201, sent.text
    assert (sent.get_json()["lines"], sent.get_json()["matched"], sent.get_json()["clean"]) == (2, 2, True)
    assert program.get(f"/statements/{sent.get_json()['id']}").get_json() == sent.get_json()
    listed = program.get("/statements").get_json()
    assert (listed["total"], listed["next"], listed["items"]) == (1, None, [sent.get_json()])
    assert program.get(f"/statements/{sent.get_json()['id']}/differences").get_json()["items"] == []


def test_each_difference_names_both_sides(program: Program) -> None:
    wrong = re.sub(rb"5,00|5\.00", b"4,00", program.statement())
    sent = program.send(wrong)
    assert sent.status_code == 201, sent.text
    found = program.get(f"/statements/{sent.get_json()['id']}/differences?kind=amount_differs&open=true").get_json()
    assert found["total"] == sent.get_json()["by_class"]["amount_differs"] >= 1
    one = found["items"][0]
    assert (one["theirs"]["quantity"], one["ours"]["quantity"], one["unit"]) == (400, 500, "eur_cent")
    assert program.get(f"/statements/{sent.get_json()['id']}/differences?open=false").get_json()["total"] == 0


def test_gifts_are_told_and_add_up(program: Program) -> None:
    gifts = program.get("/allocations").get_json()["items"]
    assert gifts
    for gift in gifts:
        parts = ("available", "reserved", "in_delivery", "delivered", "returned", "written_off", "variance")
        assert gift["received"] == sum(gift[part] for part in parts)
        assert program.get(f"/allocations/{gift['id']}").get_json() == gift


def test_another_partners_things_do_not_exist(program: Program, stranger: Program) -> None:
    sent = stranger.send(stranger.statement())
    gift = stranger.get("/allocations").get_json()["items"][0]
    for path in (f"/statements/{sent.get_json()['id']}", f"/statements/{sent.get_json()['id']}/differences",
                 f"/allocations/{gift['id']}"):  # fmt: skip
        assert program.get(path).status_code == 404
    assert program.get("/statements").get_json()["total"] == 0


def test_gifts_balances_and_months_come_by_pages(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    with services_of(program.app).database.begin() as session:
        builders.add_gift(session, session.get_one(Partner, program.partner_id), 9, Unit.EUR_CENT)
    closed(program), closed(program, month=2)
    whole = {path: program.get(path).get_json()["items"] for path in ("/allocations", "/balances", "/periods")}
    for module in (door, views, exports, balances):
        monkeypatch.setattr(module, "PAGE", 1)
    for path, items in whole.items():
        pages = 0
        found: list[object] = []
        following = f"/api/v1{path}"
        while following:
            answer = program.client.get(following, headers=program.headers()).get_json()
            found, following, pages = [*found, *answer["items"]], answer["next"], pages + 1
        assert (found, pages) == (items, 2), path


@pytest.mark.parametrize("token", ["", "cdp_wrong", "\xe9" * 20])
def test_without_a_good_key_nothing_opens(program: Program, token: str) -> None:
    program.token = token
    answer = program.client.get("/api/v1/allocations", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "key_needed")


def test_a_session_opens_nothing(program: Program) -> None:
    answer = client_as(program.app, Role.PARTNER).get("/api/v1/allocations")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "key_needed")


def test_a_key_opens_its_scopes_only(program: Program) -> None:
    _, program.token = token_for(program.app, program.partner_id, [Scope.STATEMENTS_READ])
    assert program.get("/statements").status_code == 200
    for refused in (program.get("/allocations"), program.send(program.statement())):
        assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing")
    assert statements_kept(program) == 0


def test_a_key_is_replaced_with_notice_and_ended_at_once(program: Program) -> None:
    database, now = services_of(program.app).database, utc_now()
    key_id, old = token_for(program.app, program.partner_id, [Scope.BOOKS_READ])
    row, new = database.run(keys.rotate, partner_id=program.partner_id, key_id=key_id, actor="staff:x", now=now)
    with database.read() as session:
        assert {keys.authenticate(session, token, now) is None for token in (old, new)} == {False}
        late = now + keys.OVERLAP
        assert keys.authenticate(session, old, late) is None
        assert keys.authenticate(session, new, late) is not None
    database.run(keys.revoke, partner_id=program.partner_id, key_id=row.id, actor="staff:x", now=now)
    with database.read() as session:
        assert keys.authenticate(session, new, now) is None
        assert session.scalars(select(ApiKey.secret_hash)).all()
        assert not any(new.encode() in kept for kept in session.scalars(select(ApiKey.secret_hash)))


def test_a_key_that_only_reads_writes_once_a_day(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program.get("/allocations").status_code == 200
    with services_of(program.app).database.read() as session:
        assert session.scalars(select(ApiKey.last_used_on)).all() == [local_day(utc_now())]
    monkeypatch.setattr(keys, "used", None)  # would fail if it were called again
    assert program.get("/allocations").status_code == 200
    monkeypatch.setitem(program.app.extensions, "clock", lambda: utc_now() + timedelta(days=1))
    assert program.get("/allocations").status_code == 500


def test_after_its_agreement_a_partner_still_reads_its_books(program: Program) -> None:
    past = local_day(utc_now()) - timedelta(days=1)
    with services_of(program.app).database.begin() as session:
        session.execute(update(Agreement).values(valid_from=past, valid_until=past))
    assert program.get("/allocations").get_json()["total"] == 1
    assert program.send(program.statement()).status_code == 201, "the last month is agreed on after the end"


def test_the_same_request_again_gets_the_first_answer(program: Program) -> None:
    content, key = program.statement(), str(new_id())
    first, again = program.send(content, key), program.send(content, key)
    assert (again.status_code, again.data) == (201, first.data)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = program.send(content + b"\n", key)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert statements_kept(program) == 1


def test_a_key_of_one_partner_says_nothing_of_anothers(program: Program, stranger: Program) -> None:
    key = str(new_id())
    assert program.send(program.statement(), key).status_code == 201
    assert (
        stranger.send(stranger.statement(), key).get_json()["id"]
        != program.get("/statements").get_json()["items"][0]["id"]
    )


def test_a_request_in_flight_is_told_so_and_a_dead_one_is_taken_over(program: Program) -> None:
    content, key = program.statement(), str(new_id())
    first = program.send(content, key)
    with services_of(program.app).database.begin() as session:
        session.execute(update(ApiAnswer).values(status=None, body=None, claimed_at=utc_now()))
    waiting = program.send(content, key)
    assert (waiting.status_code, waiting.get_json()["code"]) == (409, "in_flight")
    with services_of(program.app).database.begin() as session:
        session.execute(update(ApiAnswer).values(claimed_at=utc_now() - ABANDONED - timedelta(seconds=1)))
    assert program.send(content, key).data == first.data


def test_sent_twenty_times_at_once_it_is_done_once(program: Program) -> None:
    content, key = program.statement(), str(new_id())

    def send(_number: int) -> tuple[int, bytes]:
        own = Program(program.app, program.app.test_client(), program.partner_id, program.token)
        answer = own.send(content, key)
        return answer.status_code, answer.data if answer.status_code == 201 else b""

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(20)))
    assert {status for status, _ in answers} <= {201, 409}
    assert len({body for status, body in answers if status == 201}) == 1
    assert statements_kept(program) == 1


def test_a_refused_file_keeps_nothing_and_may_be_sent_again(program: Program) -> None:
    key = str(new_id())
    refused = program.send(b"nothing;here\n1;2\n", key)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "bad_file")
    assert refused.get_json()["line"] >= 1
    assert statements_kept(program) == 0
    assert program.send(b"nothing;here\n1;2\n", key).status_code == 422
    assert program.send(program.statement(), key).status_code == 201


@pytest.mark.parametrize(
    ("key", "media", "path", "status", "field"),
    [
        ("short", "text/csv", "/statements", 422, "Idempotency-Key"),
        ("", "application/pdf", "/statements", 415, None),
        ("", "text/csv", "/statements?first_day=2030-01-01", 422, "last_day"),
        ("", "text/csv", "/statements?first_day=nonsense", 422, "first_day"),
        ("", "text/csv", "/statements?surprise=1", 422, "surprise"),
    ],
)
def test_what_is_wrong_is_named(
    program: Program, key: str, media: str, path: str, status: int, field: str | None
) -> None:
    answer = program.send(program.statement(), key, path, media)
    assert (answer.status_code, answer.get_json().get("field")) == (status, field)
    assert answer.content_type == "application/problem+json"
    assert statements_kept(program) == 0


def test_a_key_made_on_the_page_opens_the_api(program: Program) -> None:
    with services_of(program.app).database.begin() as session:
        session.execute(
            update(Staff).where(Staff.login == LOGIN_OF[Role.PARTNER]).values(partner_id=program.partner_id)
        )
    client, home = client_as(program.app, Role.PARTNER), f"/partner/{program.partner_id}/keys"
    form = {"csrf_token": token_of(client.get(f"{home}/new"))}
    empty = client.post(home, data={**form, "name": " "})
    assert (empty.status_code, "Nommez la clé" in empty.text) == (422, True)
    made = client.post(home, data={**form, "name": "dépôt", "scopes": ["books.read"]})
    shown = re.search(r"cdp_[\w-]{43}", made.text)
    assert shown is not None, made.text
    program.token = shown[0]
    assert program.get("/allocations").status_code == 200
    listed = client.get(home).text
    assert shown[0] not in listed
    assert "dépôt" in listed
