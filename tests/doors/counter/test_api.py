"""The JSON of the counter: looked at, recorded, refused, in words; nothing half done, nothing 500."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.desk import PHONE, Desk
from tests.programme import NOON
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.people.models import Person
from voucher_service.staff.models import Role
from voucher_service.visits.models import Scan, Visit
from voucher_service.vouchers import life
from voucher_service.vouchers.models import Voucher


def counted(desk: Desk, table: type[Any]) -> int:
    """How many rows there are."""
    with desk.programme.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_look_says_what_it_is_and_records_nothing(desk: Desk) -> None:
    desk.ask_questions()
    code = desk.programme.digits(desk.programme.issue())
    seen = desk.client().post("look", {"code": code}).get_json()
    assert seen["outcome"] == "ok"
    assert (seen["needs_number"], seen["price_cents"], seen["known_number_masked"]) == (True, 200, None)
    assert seen["offer"] == "Recharge 5 € (sandbox)"
    assert seen["next_visit_on"] == "2026-04-03"
    assert [question["id"] for question in seen["questions"]][:2] == ["type_lieu", "autonomie"]
    assert counted(desk, Scan) == 0


def test_a_scan_is_recorded_and_its_replay_gets_the_same_answer(desk: Desk) -> None:
    client, code, scan_id = desk.client(), desk.programme.digits(desk.programme.issue()), str(new_id())
    first = client.scan(code, scan_id=scan_id, paid_cents=200)
    assert first.status_code == 201, first.text
    body = first.get_json()
    assert (body["outcome"], body["tone"], body["words"]["word"]) == ("accepted", "ok", "Accepté")
    assert body["order_id"]
    assert body["visit_id"]
    again = client.scan(code, scan_id=scan_id, paid_cents=200)
    assert (again.status_code, again.get_json()) == (201, body)
    other = client.scan(code, scan_id=scan_id, paid_cents=100)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert counted(desk, Visit) == 1
    assert desk.programme.findings() == []


def test_a_used_voucher_is_told_when_and_where_in_local_words(desk: Desk) -> None:
    client, code = desk.client(), desk.programme.digits(desk.programme.issue())
    client.scan(code)
    desk.programme.later(hours=1)
    client = desk.client()
    body = client.scan(code).get_json()
    assert body["outcome"] == "used"
    assert body["words"]["sentence"] == "Ce bon a été utilisé le 4 mars 2026 à 12\u00a0h\u00a000 à Antenne Nord."
    assert body["detail"]["at_local"] == "4 mars 2026 à 12\u00a0h\u00a000"
    client.http.set_cookie("lang", "en")
    english = client.scan(code).get_json()["words"]
    assert english["word"] == "Already used"
    assert "4 March 2026 at 12:00" in english["sentence"]


def test_each_refusal_has_words_without_blanks(desk: Desk) -> None:
    client, programme = desk.client(), desk.programme
    cancelled, replaced = programme.issue(), programme.issue()
    run = programme.database.run
    run(life.cancel, cancelled.id, actor="staff:test", reason="perdu", now=programme.now)
    run(life.reissue, programme.ring, replaced.id, new_id(), actor="staff:test", reason="usé", now=programme.now)
    good = programme.digits(programme.issue())
    codes = {
        "cancelled": programme.digits(cancelled),
        "replaced": programme.digits(replaced),
        "forged": good[:-1] + str((int(good[-1]) + 1) % 10),
        "damaged": good[:-7],
        "not_a_voucher": "https://example.org/menu",
        "mistyped": "1234 5678 9012 3456",
    }
    for outcome, code in codes.items():
        looked = client.post("look", {"code": code}).get_json()
        told = client.scan(code).get_json()
        assert (looked["outcome"], told["outcome"]) == (outcome, outcome)
        assert looked["words"] == told["words"]
        assert "{" not in "".join(told["words"].values())
        assert all(told["words"].values())
    programme.later(days=91)
    client = desk.client()  # a session does not last three months
    expired = client.scan(good, scanned_at=programme.now.isoformat()).get_json()
    assert (expired["outcome"], expired["detail"]["last_day_local"]) == ("expired", "2 juin 2026")


def test_a_missing_field_is_named_and_nothing_is_recorded(desk: Desk) -> None:
    desk.ask_questions(required=True)
    client, code = desk.client(), desk.programme.digits(desk.programme.issue())
    answered: dict[str, object] = {"answers": {"type_lieu": "autre"}}
    cases: list[tuple[dict[str, object], str]] = [
        ({"number": None} | answered, "number"),
        ({"number": "01 42 00 00 00"} | answered, "number"),
        ({"number": "bonjour"} | answered, "number"),
        ({"paid_cents": 201} | answered, "paid_cents"),
        ({}, "answers.type_lieu"),
        ({"answers": {"type_lieu": "ailleurs"}}, "answers.type_lieu"),
        ({"answers": {"nom": "Amina"}}, "answers.nom"),
        ({"next_visit_on": "2026-03-03"} | answered, "next_visit_on"),
        ({"use_known_number": True, "number": None} | answered, "use_known_number"),
    ]
    for fields, name in cases:
        answer = client.scan(code, **fields)
        assert (answer.status_code, answer.get_json().get("field")) == (422, name), (fields, answer.text)
        assert answer.content_type == "application/problem+json"
    assert counted(desk, Scan) == counted(desk, Visit) == counted(desk, Order) == 0


BAD = [
    ({"scan_id": "x"}, "scan_id"),
    ({"scan_id": ...}, "scan_id"),
    ({"code": ""}, "code"),
    ({"code": "9" * 1001}, "code"),
    ({"code": 7}, "code"),
    ({"code": "a\x00b"}, "code"),
    ({"branch_id": 2}, "branch_id"),
    ({"branch_id": 10**12}, "branch_id"),
    ({"branch_id": "nord"}, "branch_id"),
    ({"scanned_at": "hier"}, "scanned_at"),
    ({"scanned_at": "2026-03-04T12:00:00"}, "scanned_at"),
    ({"scanned_at": (NOON + timedelta(days=1)).isoformat()}, "scanned_at"),
    ({"scanned_at": "1970-01-01T00:00:00Z"}, "scanned_at"),
    ({"scanned_at": "9999-12-31T23:59:59-12:00"}, "scanned_at"),
    ({"paid_cents": -1}, "paid_cents"),
    ({"paid_cents": "deux"}, "paid_cents"),
    ({"answers": []}, "answers"),
    ({"answers": {"duree": {"a": [1]}}}, "answers.duree"),
    ({"note": 5}, "note"),
    ({"note": "x" * 3000}, "note"),
    ({"next_visit_on": "0001-01-01"}, "next_visit_on"),
    ({"staff_id": "someone"}, "staff_id"),
]


@pytest.mark.parametrize(("fields", "name"), BAD, ids=[f"{name}-{place}" for place, (_, name) in enumerate(BAD)])
def test_a_bad_body_is_refused_by_name(desk: Desk, fields: dict[str, object], name: str) -> None:
    answer = desk.client().scan(desk.programme.digits(desk.programme.issue()), **fields)
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["field"]) == (422, 422, name), answer.text
    assert counted(desk, Scan) == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b"[" * 5000])
def test_what_is_not_an_object_is_refused(desk: Desk, raw: bytes) -> None:
    client = desk.client()
    headers = {"X-CSRFToken": client.token, "Content-Type": "application/json"}
    for path in ("look", "scans", f"orders/{new_id()}/code"):
        answer = client.http.post(f"/counter/{path}", data=raw, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.content_type == "application/problem+json"


def test_the_number_on_file_is_masked_used_and_confirmed(desk: Desk) -> None:
    person_id = desk.person()
    client, voucher = desk.client(), desk.programme.issue(person_id=person_id)
    code, scan_id = desk.programme.digits(voucher), str(new_id())
    seen = client.post("look", {"code": code})
    shown = seen.get_json()["known_number_masked"]
    assert shown.replace("\u202f", " ") == "06 •• •• •• 00"
    assert "345100" not in seen.text
    assert seen.get_json()["known_number_fresh"] is False
    first = client.scan(code, scan_id=scan_id, number=None, use_known_number=True)
    assert first.get_json()["outcome"] == "accepted", first.text
    assert client.scan(code, scan_id=scan_id, number=None, use_known_number=True).get_json() == first.get_json()
    with desk.programme.database.read() as session:
        assert session.scalars(select(Order.number_tail)).one() == "00"
        assert session.get_one(Person, person_id).phone_confirmed_at == desk.programme.now


def test_a_volunteer_sees_nothing_of_the_person(desk: Desk) -> None:
    voucher = desk.programme.issue(person_id=desk.person())
    code = desk.programme.digits(voucher)
    client = desk.client(Role.VOLUNTEER)
    seen = client.post("look", {"code": code}).get_json()
    assert [seen[name] for name in ("known_number_masked", "person_reference", "last_visit")] == [None] * 3
    refused = client.scan(code, number=None, use_known_number=True)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not_allowed")
    assert client.scan(code, number=PHONE).get_json()["outcome"] == "accepted"


def test_only_wrong_typed_codes_are_limited(desk: Desk) -> None:
    client, good = desk.client(), desk.programme.issue()
    typed, signed = desk.programme.typed(good), desk.programme.digits(good)
    guesses = [f"{14:014d}{number:02d}" for number in range(10, 17)]
    for guess in guesses[:5]:
        assert client.post("look", {"code": guess}).status_code == 200
        assert client.scan(guess).status_code == 201, "recording what was looked at is no second guess"
    stopped = client.post("look", {"code": guesses[5]})
    assert (stopped.status_code, stopped.get_json()["code"]) == (429, "too_many_tries")
    assert int(stopped.headers["Retry-After"]) > 0
    assert client.scan(guesses[6]).status_code == 429
    assert client.post("look", {"code": typed}).status_code == 429
    assert client.post("look", {"code": signed}).get_json()["outcome"] == "ok"
    assert desk.client(Role.VOLUNTEER).post("look", {"code": typed}).get_json()["outcome"] == "ok"


def test_an_order_is_followed_by_its_own_branch_only(desk: Desk) -> None:
    client = desk.client()
    order_id = client.scan(desk.programme.digits(desk.programme.issue())).get_json()["order_id"]
    under_way = client.http.get(f"/counter/orders/{order_id}").get_json()
    assert (under_way["progress"], under_way["tone"], under_way["final"]) == ("under_way", "wait", False)
    elsewhere = desk.client(Role.COORDINATOR).scan(
        desk.programme.digits(desk.programme.issue()), branch_id=desk.programme.branches[1].id
    )
    theirs = elsewhere.get_json()["order_id"]
    assert client.http.get(f"/counter/orders/{theirs}").status_code == 404
    assert client.post(f"orders/{theirs}/code", {}).status_code == 404
    assert client.http.get(f"/counter/orders/{new_id()}").status_code == 404


def test_a_request_with_all_it_needs_is_one_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = desk.client()
    client.scan(desk.programme.digits(desk.programme.issue()))  # till and form are read once
    code = desk.programme.digits(desk.programme.issue())
    opened: list[str] = []
    database = desk.programme.database

    def noting(kind: str, opening: Any) -> Any:
        def noted(*given: Any) -> Any:
            opened.append(kind)
            return opening(*given)

        return noted

    monkeypatch.setattr(database, "begin", noting("write", database.begin))
    monkeypatch.setattr(database, "read", noting("read", database.read))
    monkeypatch.setattr(database, "look", noting("look", database.look))
    assert client.scan(code).status_code == 201
    assert opened == ["look", "write"], "the session's look-up, then the redemption"


def test_a_voucher_given_back_can_be_presented_again(desk: Desk) -> None:
    client, voucher = desk.client(), desk.programme.issue()
    body = client.scan(desk.programme.digits(voucher), number="06 12 34 51 02").get_json()  # refused by the partner
    desk.deliver()
    now = client.http.get(f"/counter/orders/{body['order_id']}").get_json()
    assert (now["progress"], now["tone"]) == ("given_back", "check")
    with desk.programme.database.read() as session:
        assert session.get_one(Voucher, voucher.id).state == "issued"
    assert client.scan(desk.programme.digits(voucher)).get_json()["outcome"] == "accepted"


def test_one_s_own_scan_is_undone_once_and_told_the_same_again(desk: Desk) -> None:
    client, code = desk.client(), desk.programme.digits(desk.programme.issue())
    first = client.scan(code).get_json()
    path = f"scans/{first['scan_id']}/undo"
    assert client.post(path, {}).status_code == 422
    assert client.post(path, {"reason": "x"}).get_json()["field"] == "reason"
    stranger = desk.client(Role.COORDINATOR).post(path, {"reason": "pas la mienne"})
    assert (stranger.status_code, stranger.get_json()["code"]) == (404, "not_found")
    done = client.post(path, {"reason": "mauvais numéro"})
    assert (done.status_code, done.get_json()["visit_id"]) == (200, first["visit_id"])
    assert client.post(path, {"reason": "mauvais numéro"}).get_json() == done.get_json()
    told = client.http.get(f"/counter/orders/{first['order_id']}").get_json()
    assert (told["progress"], told["final"]) == ("undone", True)
    second = client.scan(code).get_json()
    assert second["outcome"] == "accepted"
    desk.deliver()
    late = client.post(f"scans/{second['scan_id']}/undo", {"reason": "trop tard"})
    assert (late.status_code, late.get_json()["code"]) == (409, "undo_sent")
    client.http.set_cookie("lang", "en")
    late = client.post(f"scans/{second['scan_id']}/undo", {"reason": "trop tard"})
    assert "can no longer be undone" in late.get_json()["detail"]
    assert desk.programme.findings() == []
