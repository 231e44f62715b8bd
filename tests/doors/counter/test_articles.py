"""Handing an article over at the counter, with or without JavaScript."""

from __future__ import annotations

from pathlib import Path

from admin.delivery import orders
from tests.desk import Desk
from tests.doors.test_screens import faults
from tests.flows.stock.files import iccid, puk, seat
from tests.flows.stock.shelves import SOUTH, Shelves
from voucher_service.fulfilment.words import Progress
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.web.beneficiary.views import _article_words, _used_words
from voucher_service.web.counter.words import PROGRESS_TONES


def test_the_box_is_checked_and_the_secrets_shown_once(desk: Desk, tmp_path: Path) -> None:
    shelves = Shelves(desk.programme, tmp_path)
    shelves.bring("sim", [1, 2])
    order_id, client = shelves.want("sim"), desk.client(Role.VOLUNTEER)
    held, _other = sorted((iccid(1), iccid(2)), key=lambda serial: shelves.article(serial).state != "held")
    path = f"/counter/articles/{order_id}"
    told = client.http.get(f"/counter/orders/{order_id}").get_json()
    assert (told["progress"], told["final"]) == ("article_ready", False)
    page = client.http.get(path).text
    assert held[-4:] in page
    assert "Remettre l’article" in client.http.get(f"/counter/top-ups/{order_id}").text
    assert client.post(f"orders/{order_id}/code", {}).status_code == 404, "a card is no code to reveal"
    for wrong, phone in (("0000", ""), (iccid(77), ""), (held, "0123")):
        answer = client.form(path, serial=wrong, number=phone)
        assert answer.status_code == 422
        assert faults(answer.text) == []
        assert 'class="error"' in answer.text, "the fault stands at its field"
    number = 1 if held == iccid(1) else 2
    given = client.form(path, serial=held, number="06 39 98 00 01").text
    assert puk(number) in given
    assert "Article remis" in given
    assert puk(number) not in client.http.get(path).text, "only on that answer"
    again = client.form(path, serial=held)
    assert again.status_code == 409
    assert "déjà été remis" in again.text
    assert client.form(f"{path}/again", reason="").status_code == 422
    assert puk(number) in client.form(f"{path}/again", reason="papier perdu").text
    assert desk.programme.findings() == []


def test_another_branchs_article_is_nobodys_here_and_a_seat_needs_no_scan(desk: Desk, tmp_path: Path) -> None:
    shelves, client = Shelves(desk.programme, tmp_path), desk.client()
    shelves.bring("sim", [1], branch=SOUTH)
    there = shelves.want("sim", branch=SOUTH)
    for path in (f"/counter/articles/{there}", f"/counter/articles/{new_id()}"):
        assert client.http.get(path).status_code == 404
        assert client.form(path, serial=iccid(1)).status_code == 404
    assert shelves.article(iccid(1)).state == "held"
    shelves.bring("seat", [1])
    order_id = shelves.want("seat")
    page = client.http.get(f"/counter/articles/{order_id}").text
    assert "Inscrire la personne" in page
    assert 'name="serial"' not in page
    assert client.form(f"/counter/articles/{order_id}").status_code == 200
    assert shelves.article(seat(1)).state == "given"
    waiting = shelves.want("handset")
    assert "n’y en a plus dans cette antenne" in client.http.get(f"/counter/top-ups/{waiting}").text


def test_every_word_of_progress_has_its_words_at_each_door(desk: Desk) -> None:
    with desk.app.test_request_context():
        assert set(_used_words() | _article_words()) == set(Progress)
    assert set(PROGRESS_TONES) == set(Progress) == set(orders.TONES)
