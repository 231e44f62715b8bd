"""Handing an article over at the counter, with or without JavaScript."""

from __future__ import annotations

from pathlib import Path

from admin.delivery import orders
from tests.desk import Desk
from tests.doors.test_screens import faults
from tests.flows.stock.files import iccid, puk, seat
from tests.flows.stock.shelves import NORTH, SOUTH, Shelves
from voucher_service.fulfilment.articles import parcels
from voucher_service.fulfilment.articles.parcels import Sending
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


def test_the_branch_signs_for_a_transfer_and_says_what_is_missing(desk: Desk, tmp_path: Path) -> None:
    shelves, client = Shelves(desk.programme, tmp_path), desk.client()
    shelves.bring("sim", [1, 2], branch=SOUTH)
    shelves.bring("sim", [4])
    parcel, away = shelves.send(2, from_branch_id=SOUTH, to_branch_id=NORTH), shelves.send(1)
    path, (here, gone) = f"/counter/parcels/{parcel.id}", shelves.inside(parcel)
    listed = client.http.get("/counter/shift").text
    assert path in listed
    assert str(away.id) not in listed
    assert here.serial in client.http.get(path).text
    for stranger in (f"/counter/parcels/{away.id}", f"/counter/parcels/{new_id()}"):
        assert client.http.get(stranger).status_code == 404
        assert client.form(stranger).status_code == 404
    volunteer = desk.client(Role.VOLUNTEER)
    assert path not in volunteer.http.get("/counter/shift").text
    assert (volunteer.http.get(path).status_code, volunteer.form(path).status_code) == (403, 403)
    wrong = client.form(path, missing=gone.id)
    assert (wrong.status_code, faults(wrong.text), 'class="error"' in wrong.text) == (422, [], True)
    assert f'value="{gone.id}" checked' in wrong.text
    assert client.form(path, missing=new_id(), note="je ne sais pas").status_code == 422
    assert "Le transfert est reçu" in client.form(path, missing=gone.id, note="enveloppe ouverte").text
    assert [shelves.article(one.serial).state for one in (here, gone)] == ["in_stock", "lost"]
    assert shelves.article(here.serial).branch_id == NORTH
    assert path not in client.http.get("/counter/shift").text
    assert "déjà été reçu" in client.form(path).text, "twice"
    assert desk.programme.findings() == []


def test_who_sent_a_transfer_does_not_sign_for_it(desk: Desk, tmp_path: Path) -> None:
    shelves, awa = Shelves(desk.programme, tmp_path), desk.client(Role.COORDINATOR)
    shelves.bring("sim", [1], branch=SOUTH)
    sending = Sending(parcel_id=new_id(), from_branch_id=SOUTH, to_branch_id=NORTH, serials=(iccid(1),))
    me, now = f"staff:{desk.staff(Role.COORDINATOR).id}", desk.programme.now
    parcel = desk.programme.database.run(parcels.send, sending, actor=me, now=now)
    path = f"/counter/parcels/{parcel.id}"
    assert "Vous l’avez envoyé" in awa.http.get(path).text
    assert "une autre personne le reçoit" in awa.form(path).text
    assert shelves.article(iccid(1)).state == "in_transit"


def test_every_word_of_progress_has_its_words_at_each_door(desk: Desk) -> None:
    with desk.app.test_request_context():
        assert set(_used_words() | _article_words()) == set(Progress)
    assert set(PROGRESS_TONES) == set(Progress) == set(orders.TONES)
