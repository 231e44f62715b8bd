"""Messages in the back office: a gateway is set and tried, a link is sent, a text is tried and changed."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import services_of
from voucher_service.ids import new_id
from voucher_service.messages.models import Message
from voucher_service.messages.worker import take_turn

GATEWAYS = "/admin/messages/gateways"


def issued(awa: Desk, programme: Programme) -> str:
    """Issue a voucher; return its page's address."""
    answer = awa.send("/admin/vouchers/new", key=new_id(), what=programme.what)
    assert answer.status_code == 303, faults(answer)
    return str(answer.location)


def test_a_link_leaves_from_the_vouchers_page(
    app: Flask, awa: Desk, hugo: Desk, programme: Programme, capsys: pytest.CaptureFixture[str]
) -> None:
    voucher = issued(awa, programme)
    assert "Réglez d’abord une passerelle" in awa.get(f"{voucher}/send/").text
    assert "répond et nous reconnaît" not in awa.get(f"{GATEWAYS}/").text
    awa.follow(f"{GATEWAYS}/sms/console")
    assert "La passerelle répond" in awa.follow(f"{GATEWAYS}/sms/check").text
    wanted = {"key": new_id(), "channel": "sms", "recipient": "06 39 98 12 34", "language": "fr"}
    shown = awa.send(f"{voucher}/send/", **wanted)
    assert shown.status_code == 200
    assert "06 39 98 12 34" in shown.text.replace("\u202f", " ")
    assert re.search(r"[12] SMS, \d+ signes, alphabet court", shown.text)  # the address's length is the machine's
    assert "Le message va partir" in awa.follow(f"{voucher}/send/", step="confirm", **wanted).text
    assert awa.send(f"{voucher}/send/", step="confirm", **wanted).status_code == 303, "twice is once"
    services = services_of(app)
    assert take_turn(services.database, services.gateways, services.vault, listen=0) == 1
    link = re.search(r"http\S+/mon-bon/\S{43}", capsys.readouterr().out)
    assert link, "the console shows what would have left"
    assert "numéro en …34" in awa.get(voucher).text
    listed = hugo.get("/admin/messages/").text
    assert "Reçu" in listed
    assert link[0].rpartition("/")[2] not in listed
    assert "0639981234" not in listed


@pytest.mark.parametrize(
    ("recipient", "word"), [("01 23 45 67 89", "fixe"), ("bonjour", "chiffres"), ("", "Renseignez")]
)
def test_a_wrong_number_says_what_to_mend(awa: Desk, programme: Programme, recipient: str, word: str) -> None:
    voucher = issued(awa, programme)
    answer = awa.send(f"{voucher}/send/", key=new_id(), channel="sms", recipient=recipient, language="fr")
    assert answer.status_code == 422
    (fault,) = faults(answer)
    assert fault[0] == "recipient"
    assert word in fault[1]


def test_a_password_is_never_shown_and_kept_when_left_empty(app: Flask, awa: Desk, hugo: Desk) -> None:
    values = {"host": "127.0.0.1", "port": "1", "system_id": "esme", "sender": "12345", "tls": "no", "alphabet": "gsm"}
    awa.follow(f"{GATEWAYS}/sms/smpp", password="geheim99", **values)
    awa.follow(f"{GATEWAYS}/sms/smpp", password="", **(values | {"sender": "54321"}))
    for page in (awa.get(f"{GATEWAYS}/"), awa.get(f"{GATEWAYS}/sms/smpp"), hugo.get(f"{GATEWAYS}/")):
        assert page.status_code == 200
        assert "geheim99" not in page.text
    assert "ne répond pas" in awa.follow(f"{GATEWAYS}/sms/check").text
    assert faults(awa.send(f"{GATEWAYS}/sms/smpp", **(values | {"port": "99999"})))[0][0] == "port"
    assert awa.get(f"{GATEWAYS}/sms/smtp").status_code == 404


def test_a_text_is_tried_without_being_sent(app: Flask, awa: Desk) -> None:
    page = awa.get("/admin/messages/try?text=" + "prêt ".replace(" ", "%20") * 20).text
    assert "2 SMS, 99 signes, alphabet long" in page
    assert "1 SMS, 99 signes, alphabet court" in page
    with services_of(app).database.read() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_team_changes_a_text_and_notes_who_wants_none(awa: Desk, programme: Programme) -> None:
    page = awa.follow("/admin/messages/texts/edit", channel="sms", language="uk", body="Ось ваша сторінка: {link}")
    assert "Ось ваша сторінка" in page.text
    told = faults(awa.send("/admin/messages/texts/edit", channel="sms", language="fr", body="Bonjour {name} {link}"))
    assert told[0][0] == "body"
    wish = {"channel": "sms", "recipient": "06 39 98 12 34"}
    assert "plus aucun message" in awa.follow("/admin/messages/texts/wishes", wish="none", **wish).text
    awa.follow(f"{GATEWAYS}/sms/console")
    voucher = issued(awa, programme)
    sent = awa.send(f"{voucher}/send/", key=new_id(), language="fr", step="confirm", **wish)
    assert sent.status_code == 409
    assert "ne veut plus de messages" in sent.text
    assert "de nouveau" in awa.follow("/admin/messages/texts/wishes", wish="again", **wish).text
