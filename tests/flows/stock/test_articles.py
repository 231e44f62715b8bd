"""Articles: the first to expire of the order's own branch is set aside, checked in the hand, given once."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.flows.stock.files import iccid, imei, puk, seat
from tests.flows.stock.shelves import NORTH, SOUTH, Shelves
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles.hand_over import look_again, read_serial
from voucher_service.fulfilment.articles.models import ArticleLook
from voucher_service.fulfilment.articles.numbers import import_numbers, read_sealed_number, set_number
from voucher_service.fulfilment.custody import decide, expire_stock, take_out
from voucher_service.fulfilment.custody_models import ActKind, ActState
from voucher_service.fulfilment.stock import reveal
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ids import new_id
from voucher_service.ledger.models import AccountKind
from voucher_service.partners.models import SecondPersonThreshold
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.undo import undo


def test_the_branchs_own_first_expiring_card_is_set_aside_and_given_once(shelves: Shelves) -> None:
    late = shelves.bring("sim", [1, 2])
    shelves.bring("sim", [3], day=date(2026, 9, 30))
    shelves.bring("sim", [4], branch=SOUTH, day=date(2026, 4, 30))
    shelves.bring("sim", [5], day=None)
    order_id = shelves.want("sim")
    assert status_words(shelves.row(order_id)).word is Progress.ARTICLE_READY
    assert (shelves.article(iccid(3)).state, shelves.article(iccid(4)).state) == ("held", "in_stock")
    handed = shelves.give(order_id, iccid(3))
    assert (handed.serial, handed.pin, handed.puk) == (iccid(3), "4003", puk(3))
    assert puk(3) not in repr(handed)
    assert status_words(shelves.row(order_id)).word is Progress.HANDED_OVER
    with pytest.raises(Conflict) as again:
        shelves.give(order_id, iccid(3))
    assert again.value.code == "article_given"
    for expected in sorted([1, 2], key=lambda number: shelves.article(iccid(number)).id):
        shelves.give(shelves.want("sim"), iccid(expected)[-4:])
    assert shelves.in_books(late) == {AccountKind.DELIVERED: 2}
    assert shelves.give(shelves.want("sim"), iccid(5)).serial == iccid(5), "what keeps comes last"
    shelves.sound()


def test_an_empty_branch_waits_whatever_others_have(shelves: Shelves) -> None:
    shelves.bring("handset", [1], branch=SOUTH)
    order_id = shelves.want("handset")
    assert status_words(shelves.row(order_id)).word is Progress.OUT_OF_STOCK
    shelves.bring("handset", [2])
    assert shelves.sweep() == 1, "what comes in wakes the order"
    assert shelves.order_state(order_id) == "held"
    assert shelves.article(imei(2)).state == "held"
    shelves.sound()


def test_another_box_of_the_same_product_changes_places(shelves: Shelves) -> None:
    first, second = shelves.bring("sim", [1]), shelves.bring("sim", [2])
    shelves.bring("sim", [3], branch=SOUTH)
    shelves.bring("handset", [9])
    order_id = shelves.want("sim")
    for wrong in ("", "1234", iccid(3), imei(9), iccid(77)):
        with pytest.raises(BadInput) as refused:
            shelves.give(order_id, wrong)
        assert refused.value.field == "serial"
    assert shelves.article(iccid(1)).order_id == order_id, "a refusal changes nothing"
    assert shelves.give(order_id, f"{iccid(2)}F").puk == puk(2)
    assert (shelves.article(iccid(1)).state, shelves.article(iccid(2)).state) == ("in_stock", "given")
    assert shelves.row(order_id).partner_ref == iccid(2)
    assert shelves.in_books(first) == {AccountKind.AVAILABLE: 1}
    assert shelves.in_books(second) == {AccountKind.DELIVERED: 1}
    shelves.sound()


def test_without_its_booking_an_exchange_is_found(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    shelves.bring("sim", [1]), shelves.bring("sim", [2])
    order_id = shelves.want("sim")
    monkeypatch.setattr("voucher_service.fulfilment.articles.hand_over.books.book_step", lambda *_a, **_k: None)
    shelves.give(order_id, iccid(2))
    assert "each code and article of stock lies where the books say" in {
        one.rule for one in shelves.programme.findings()
    }


def test_a_seat_has_nothing_to_scan_and_a_handset_no_secret(shelves: Shelves) -> None:
    shelves.bring("seat", [1], day=date(2026, 3, 20))
    shelves.bring("handset", [1])
    assert shelves.give(shelves.want("seat")).serial == seat(1)
    order_id = shelves.want("handset")
    assert (handed := shelves.give(order_id, imei(1)[-4:])).pin == handed.puk == ""
    p = shelves.programme
    with pytest.raises(NotFound):
        p.database.run(look_again, p.vault, order_id=order_id, actor="staff:x", reason="perdu", now=p.now)
    shelves.sound()


def test_secrets_are_shown_again_only_with_a_reason_that_is_kept(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    order_id, p = shelves.want("sim"), shelves.programme
    look = {"order_id": order_id, "actor": "staff:x", "now": p.now}
    with pytest.raises(NotFound):
        p.database.run(look_again, p.vault, reason="curieux", **look)  # type: ignore[arg-type]  # its own names
    with pytest.raises(NotFound):
        p.database.run(reveal, p.vault, reason="", **look)  # type: ignore[arg-type]  # a card is no code to reveal
    shelves.give(order_id, iccid(1))
    with pytest.raises(BadInput):
        p.database.run(look_again, p.vault, reason=" ", **look)  # type: ignore[arg-type]
    assert p.database.run(look_again, p.vault, reason="papier perdu", **look).puk == puk(1)  # type: ignore[arg-type]
    with p.database.read() as session:
        looks = session.execute(select(ArticleLook.number, ArticleLook.reason).order_by(ArticleLook.number)).all()
    assert [tuple(one) for one in looks] == [(1, ""), (2, "papier perdu")]


def test_an_undone_visit_puts_the_article_back(shelves: Shelves) -> None:
    lot_id, p = shelves.bring("sim", [1]), shelves.programme
    voucher = p.issue(offer_id=shelves.offers["sim"])
    recorded = p.scan(p.digits(voucher), number=None)
    shelves.sweep()
    staff = p.request("x").staff_id
    p.database.run(undo, scan_id=recorded.scan_id, staff_id=staff, reason="elle a déjà une carte", now=p.now)
    assert shelves.article(iccid(1)).state == "in_stock"
    assert shelves.in_books(lot_id) == {AccountKind.AVAILABLE: 1}
    given = p.scan(p.digits(voucher), number=None)
    shelves.sweep()
    assert given.order_id
    shelves.give(given.order_id, iccid(1))
    with pytest.raises(Conflict) as refused:
        p.database.run(undo, scan_id=given.scan_id, staff_id=staff, reason="trop tard", now=p.now)
    assert refused.value.code == "undo_handed_over"
    shelves.sound()


def test_a_number_comes_later_by_hand_at_the_hand_over_or_by_file_and_goes_with_the_person(shelves: Shelves) -> None:
    shelves.bring("sim", [1, 2, 3])
    p, person = shelves.programme, shelves.programme.person()
    order_id = shelves.want("sim", person_id=person)
    given = shelves.give(order_id, iccid(1), number="+33639980001")
    card, other = shelves.article(given.serial), shelves.article(iccid(2))
    with p.database.read() as session:
        assert read_sealed_number(session, p.vault, card) == "+33639980001"
    assert p.database.run(set_number, p.vault, article_id=card.id, number="+33639980001") is False
    with pytest.raises(Conflict) as differs:
        p.database.run(set_number, p.vault, article_id=card.id, number="+33639980002")
    assert differs.value.code == "number_differs"
    p.database.run(set_number, p.vault, article_id=shelves.article(iccid(3)).id, number="+33639980003")
    with pytest.raises(BadInput):
        p.database.run(set_number, p.vault, article_id=other.id, number="+33639980003")
    content = f"iccid;msisdn\n{iccid(2)};0639980002\n{iccid(3)};0639980003\n".encode()
    done = p.database.run(import_numbers, p.vault, partner_id=p.partner_id, content=content)
    assert (done.recorded, done.known) == (1, 1)
    assert p.database.run(import_numbers, p.vault, partner_id=p.partner_id, content=content) == (0, 2)
    p.database.run(erase_person, person, now=p.now)
    assert shelves.article(given.serial).number_sealed is None
    shelves.sound()


def test_articles_past_their_day_and_articles_lost_leave_stock_by_name(shelves: Shelves) -> None:
    lot_id, p = shelves.bring("sim", [1, 2, 3, 4]), shelves.programme
    with p.database.begin() as session:
        session.merge(SecondPersonThreshold(unit="piece", effective_from=date(2025, 1, 1), quantity=5))
    act = {"act_id": new_id(), "lot_id": lot_id, "reason": "tombée à l’eau", "actor": "staff:x", "now": p.now}
    for serials in ([], [iccid(1), iccid(1)], [iccid(1), iccid(9)]):
        with pytest.raises(BadInput):
            p.database.run(take_out, kind=ActKind.LOST, serials=serials, quantity=1, **act)  # type: ignore[arg-type]
    done = p.database.run(take_out, kind=ActKind.LOST, serials=[iccid(2)], **act)  # type: ignore[arg-type]
    assert done.state == ActState.DONE
    back = act | {"act_id": new_id()}
    p.database.run(take_out, kind=ActKind.RETURNED, serials=[iccid(3)], **back)  # type: ignore[arg-type]
    assert [shelves.article(iccid(number)).state for number in (1, 2, 3, 4)] == [
        "in_stock", "lost", "returned", "in_stock",
    ]  # fmt: skip
    p.later(days=600)
    assert p.database.run(expire_stock, p.now) == 2
    assert p.database.run(expire_stock, p.now) == 0
    assert shelves.in_books(lot_id) == {AccountKind.WRITTEN_OFF: 3, AccountKind.RETURNED_TO_DONOR: 1}
    shelves.sound()


def test_a_loss_above_the_threshold_waits_and_finds_what_is_still_there(shelves: Shelves) -> None:
    lot_id, p = shelves.bring("sim", [1, 2]), shelves.programme
    with p.database.begin() as session:
        session.merge(SecondPersonThreshold(unit="piece", effective_from=date(2025, 1, 1), quantity=0))
    act_id = new_id()
    what = {"kind": ActKind.LOST, "serials": [iccid(1)], "reason": "carton mouillé", "actor": "staff:x"}
    asked = p.database.run(take_out, act_id=act_id, lot_id=lot_id, now=p.now, **what)  # type: ignore[arg-type]
    assert asked.state == ActState.PENDING
    shelves.give(shelves.want("sim"), iccid(1))
    with pytest.raises(Conflict) as moved:
        p.database.run(decide, act_id, agree=True, actor="staff:y", now=p.now)
    assert moved.value.code == "article_moved"
    p.database.run(decide, act_id, agree=False, actor="staff:y", now=p.now)
    shelves.sound()


def test_the_database_refuses_an_article_without_its_order(shelves: Shelves) -> None:
    shelves.bring("sim", [1])
    for wrong in ("state = 'held'", "state = 'given'", "puk_sealed = NULL, kind = 'handset'", "number_tail = '12'"):
        with pytest.raises(Exception, match=r"ck_article|CHECK"), shelves.programme.database.begin() as session:
            session.execute(text(f"UPDATE article SET {wrong}"))  # noqa: S608  # the words above


def test_what_a_scanner_types_is_read() -> None:
    assert read_serial(f" {iccid(1)}F\r") == iccid(1)
    assert read_serial("35 000000-000001 8") == "35000000-0000018"
    assert read_serial("\x1d") == ""
    assert NORTH != SOUTH


def test_no_puk_and_no_number_stands_in_clear_in_any_file(programme_on_sqlite_shelves: Shelves, tmp_path: Path) -> None:
    shelves = programme_on_sqlite_shelves
    numbers, phone = list(range(100)), "+33639980042"
    shelves.bring("sim", numbers)
    order_id = shelves.want("sim")
    held = next(number for number in numbers if shelves.article(iccid(number)).state == "held")
    shelves.give(order_id, iccid(held), number=phone)
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert iccid(50).encode() in stored, "the serials are where they are looked for"
    alone = {found.decode() for found in re.findall(rb"(?<![0-9A-Za-z])\d{8}(?![0-9A-Za-z])", stored)}
    assert alone & {puk(number) for number in numbers} == set()
    assert phone.encode() not in stored
    planted = b"|" + puk(7).encode() + b"|"
    assert re.findall(rb"(?<![0-9A-Za-z])\d{8}(?![0-9A-Za-z])", planted) == [puk(7).encode()], "a planted one is seen"
