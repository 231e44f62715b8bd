"""What the person who holds a voucher sees: complete, plain, light, without a name."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from tests.desk import Desk
from voucher_service.ids import new_id
from voucher_service.staff.models import Role
from voucher_service.vouchers import life
from voucher_service.vouchers.links import link_token, open_link
from voucher_service.vouchers.models import Voucher
from voucher_service.vouchers.typed_code import grouped

LIMIT = 60_000


def address(desk: Desk, voucher: Voucher) -> str:
    """The page of a voucher."""
    return f"/mon-bon/{link_token(desk.programme.vault, voucher.id)}"


@pytest.fixture
def phone(desk: Desk) -> FlaskClient:
    """Someone's telephone: no account, French."""
    return desk.app.test_client()


def read_back(page: str) -> str:
    """The text of the page's QR, by a decoder we did not write."""
    drawn = re.search(r'<svg xmlns[^>]*viewBox="0 0 (\d+) .*?fill="#000" d="([^"]+)"', page, re.DOTALL)
    assert drawn
    side, path = int(drawn[1]), drawn[2]
    picture = Image.new("L", (side, side), 255)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path):
        for step in range(int(length)):
            picture.putpixel((int(x) + step, int(y)), 0)
    found = zxingcpp.read_barcode(picture.resize((side * 4, side * 4), Image.Resampling.NEAREST))
    assert found is not None
    return found.text


def test_the_page_shows_all_one_needs_and_no_name(desk: Desk, phone: FlaskClient) -> None:
    voucher = desk.programme.issue(person_id=desk.person())
    answer = phone.get(address(desk, voucher))
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.text)
    for needed in ("Recharge 5 €", "5\u00a0€", "2\u00a0€", "2 juin 2026", "À présenter à l’antenne", "9 h – 17 h"):
        assert needed in text, needed
    digits = re.sub(r"\D", "", re.search(r'class="code".*?</p>', answer.text, re.DOTALL)[0])  # type: ignore[index]
    assert grouped(digits) == grouped(desk.programme.typed(voucher))
    assert read_back(answer.text) == desk.programme.digits(voucher)
    assert "Amina" not in answer.text
    assert "<script" not in answer.text
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "Set-Cookie" not in answer.headers
    linked = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    weight = len(answer.data)
    for path in linked:
        with phone.get(path) as file:
            weight += len(file.data)
    assert weight < LIMIT, weight


def test_the_language_is_chosen_by_a_link(desk: Desk, phone: FlaskClient) -> None:
    path = address(desk, desk.programme.issue())
    english = phone.get(f"{path}?lang=en")
    assert '<html lang="en" dir="ltr">' in english.text
    assert "Top-up €5" in english.text
    assert 'href="?lang=fr"' in english.text
    assert '<html lang="fr"' in phone.get(f"{path}?lang=xx").text


def test_arabic_is_whole_light_and_from_the_right(desk: Desk, phone: FlaskClient) -> None:
    voucher = desk.programme.issue()
    answer = phone.get(address(desk, voucher), headers={"Accept-Language": "ar-TN, fr;q=0.5"})
    assert '<html lang="ar" dir="rtl">' in answer.text
    text = re.sub(r"<[^>]+>", " ", answer.text)
    for needed in ("قسيمتي", "5\u00a0يورو", "2\u00a0يورو", "2 يونيو 2026", "قدّمها في المركز", "9 h – 17 h"):
        assert needed in text, needed
    assert "Mon bon" not in text
    assert read_back(answer.text) == desk.programme.digits(voucher)
    linked = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    assert len(answer.data) + sum(len(phone.get(path).data) for path in linked) < LIMIT
    assert '<html lang="fr"' in phone.get(address(desk, voucher), headers={"Accept-Language": "sw"}).text
    assert "Set-Cookie" not in answer.headers


def test_a_link_that_does_not_open_says_so_in_the_person_s_language(desk: Desk, phone: FlaskClient) -> None:
    for language, title in (
        ("fr", "Ce lien ne s’ouvre pas"),
        ("en", "This link does not open"),
        ("ar", "هذا الرابط لا يُفتح"),
    ):
        answer = phone.get(f"/mon-bon/faux?lang={language}")
        assert (answer.status_code, f"<h1>{title}</h1>" in answer.text) == (404, True)
        assert '<a class="button primary" href="/">' not in answer.text, "no way to the staff's door"
        assert "?lang=ar" in answer.text
    for _ in range(20):
        answer = phone.get("/mon-bon/faux?lang=ar")
    assert (answer.status_code, "محاولات كثيرة في وقت قصير" in answer.text) == (429, True)


def test_after_use_it_says_how_the_top_up_is_getting_on(desk: Desk, phone: FlaskClient) -> None:
    voucher = desk.programme.issue()
    client = desk.client()
    client.scan(desk.programme.digits(voucher))
    page = phone.get(address(desk, voucher)).text
    assert "Votre recharge est en route" in page
    assert "Antenne Nord" in page
    assert "<svg xmlns" not in page, "a used code is not shown again"
    desk.deliver()
    assert "Votre recharge est arrivée" in phone.get(address(desk, voucher)).text


def test_a_voucher_given_back_says_so_and_can_be_shown_again(desk: Desk, phone: FlaskClient) -> None:
    voucher = desk.programme.issue()
    assert "rendu" not in phone.get(address(desk, voucher)).text
    desk.client().scan(desk.programme.digits(voucher), number="06 12 34 51 02")  # a number the partner refuses
    desk.deliver()
    page = phone.get(address(desk, voucher)).text
    assert "Votre bon vous est rendu" in page
    assert read_back(page) == desk.programme.digits(voucher)


def test_each_end_is_told_with_the_next_step(desk: Desk, phone: FlaskClient) -> None:
    programme = desk.programme
    cancelled, replaced, expired = programme.issue(), programme.issue(), programme.issue()
    run = programme.database.run
    run(life.cancel, cancelled.id, actor="staff:test", reason="perdu", now=programme.now)
    run(life.reissue, programme.ring, replaced.id, new_id(), actor="staff:test", reason="usé", now=programme.now)
    programme.later(days=91)
    for voucher, title in [
        (cancelled, "Ce bon a été annulé"),
        (replaced, "Un nouveau bon remplace celui-ci"),
        (expired, "Ce bon n’est plus valable"),
    ]:
        page = phone.get(address(desk, voucher)).text
        assert f"<h1>{title}</h1>" in page
        assert "antenne" in page
        assert "perdu" not in page


def test_a_wrong_link_is_one_plain_404_and_limited(desk: Desk, phone: FlaskClient) -> None:
    voucher = desk.programme.issue()
    good = link_token(desk.programme.vault, voucher.id)
    other = link_token(desk.programme.vault, new_id())
    wrong = ["x", good[:-1], good + "A", good[::-1], other[:22] + good[22:], "é" * 43, good.swapcase()]
    answers = [phone.get(f"/mon-bon/{token}") for token in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({re.sub(r"/lang/[^\"]*", "", answer.text) for answer in answers}) == 1
    codes = [phone.get("/mon-bon/none").status_code for _ in range(14)]
    assert codes == [404] * 13 + [429]
    assert phone.get(f"/mon-bon/{good}").status_code == 200, "the right page opens all the same"


def test_a_token_has_one_form_and_one_voucher(desk: Desk) -> None:
    vault, voucher_id = desk.programme.vault, new_id()
    token = link_token(vault, voucher_id)
    assert open_link(vault, token) == voucher_id
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place in (0, 21, 42):
        others = [token[:place] + sign + token[place + 1 :] for sign in alphabet if sign != token[place]]
        assert [open_link(vault, one) for one in others] == [None] * 63


def test_a_voucher_scanned_with_a_personal_phone_says_where_to_go_and_no_state(desk: Desk, phone: FlaskClient) -> None:
    used = desk.programme.issue()
    digits = desk.programme.digits(used)[2:]
    before = phone.get(f"/V/{digits}").text
    desk.client(Role.COUNTER).scan(desk.programme.digits(used))
    assert phone.get(f"/v/{digits}").text == before == phone.get("/v/1").text
    assert "Antenne Sud" in before
