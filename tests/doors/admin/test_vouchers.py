"""Vouchers one by one: issued once, found, shown with their life, cancelled, replaced."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Flask
from sqlalchemy import func, select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.house import services_of
from voucher_service.ids import new_id, utc_now
from voucher_service.ledger import audit
from voucher_service.people import identity
from voucher_service.people.models import Person
from voucher_service.staff.models import Branch, Role, Staff
from voucher_service.visits.redeem import ScanRequest, redeem
from voucher_service.vouchers.key_ring import Printed
from voucher_service.vouchers.models import Voucher


def issue(desk: Desk, programme: Programme, **fields: object) -> str:
    """Issue a voucher through the form; return its address."""
    answer = desk.send("/admin/vouchers/new", **({"what": programme.what, "key": str(new_id())} | fields))
    assert answer.status_code == 303, faults(answer)
    return str(answer.location)


def printed(app: Flask, path: str) -> Printed:
    """Return the codes of the voucher at this address."""
    services = services_of(app)
    with services.database.read() as session:
        return services.ring.printed(session, voucher(app, path))


def voucher(app: Flask, path: str) -> Voucher:
    """Return the voucher at this address."""
    with services_of(app).database.read() as session:
        return session.get_one(Voucher, UUID(path.rsplit("/", 1)[1]))


def person(app: Flask) -> Person:
    """Register someone."""
    services = services_of(app)
    return services.database.run(
        identity.register,
        services.vault,
        name="Zoé Canari",
        phone="06 12 34 56 78",
        birth_year=1980,
        language="fr",
        branch_id=None,
        now=utc_now(),
    )


def test_the_same_form_twice_issues_one_voucher(app: Flask, awa: Desk, programme: Programme) -> None:
    key = str(new_id())
    assert issue(awa, programme, key=key) == issue(awa, programme, key=key)
    with services_of(app).database.read() as session:
        assert session.scalar(select(func.count()).select_from(Voucher)) == 1
    other = awa.send("/admin/vouchers/new", what=f"{programme.campaign_id}:{programme.code_offer_id}", key=key)
    assert other.status_code == 422


def test_a_voucher_shows_its_codes_to_coordinators_only(
    app: Flask, awa: Desk, hugo: Desk, programme: Programme
) -> None:
    path = issue(awa, programme)
    codes = printed(app, path)
    groups = re.findall("....", codes.typed)
    shown, audited = awa.get(path).text, hugo.get(path).text
    assert "<svg" in shown
    assert all(f"<span>{group}</span>" in shown for group in groups)
    assert not all(f"<span>{group}</span>" in audited for group in groups)
    assert codes.digits not in audited
    assert hugo.get(f"{path}/card.pdf").status_code == 403
    card = awa.get(f"{path}/card.pdf")
    assert (card.mimetype, card.data[:5]) == ("application/pdf", b"%PDF-")


def test_a_voucher_is_found_by_its_digits_and_by_its_number(
    app: Flask, awa: Desk, hugo: Desk, programme: Programme
) -> None:
    path = issue(awa, programme)
    one = voucher(app, path)
    for text in (printed(app, path).typed, f" {one.key_id}-{one.serial} "):
        assert hugo.send("/admin/vouchers/search", code=text).location == path
    unknown = awa.send("/admin/vouchers/search", code="1-424242")
    assert (unknown.status_code, faults(unknown)[0][0]) == (404, "code")


def test_guessing_codes_is_slowed_down(awa: Desk) -> None:
    answers = [awa.send("/admin/vouchers/search", code="1-424242").status_code for _ in range(31)]
    assert answers == [404] * 30 + [429]


def test_a_person_gets_no_more_than_the_cap(app: Flask, awa: Desk, programme: Programme) -> None:
    known = person(app)
    path = ""
    for _ in range(6):
        path = issue(awa, programme, person=known.reference.lower())
    assert known.reference in awa.get(path).text
    over = awa.send("/admin/vouchers/new", what=programme.what, person=known.reference, key=str(new_id()))
    assert over.status_code == 409
    assert "30\u00a0€" in faults(over)[0][1]
    listed = awa.get(f"/admin/vouchers/?person={known.reference}&state=issued").text
    assert listed.count('<th scope="row">') == 6


def test_a_cancelled_voucher_gives_its_value_back(app: Flask, awa: Desk, programme: Programme) -> None:
    path = issue(awa, programme)
    nothing = awa.send(f"{path}/cancel")
    assert (nothing.status_code, faults(nothing)[0][0]) == (422, "reason")
    page = awa.follow(f"{path}/cancel", reason="Émis par erreur")
    assert "Émis par erreur" in page.text
    assert "qr-card" not in page.text
    assert awa.get(f"{path}/card.pdf").status_code == 409
    with services_of(app).database.read() as session:
        assert list(audit.audit(session)) == []
    assert awa.send(f"{path}/reissue", reason="Trop tard", key=str(new_id())).status_code == 409


def test_a_replaced_voucher_leads_to_the_new_one(app: Flask, awa: Desk, programme: Programme) -> None:
    path, key = issue(awa, programme), str(new_id())
    for _twice in range(2):
        page = awa.follow(f"{path}/reissue", reason="Papier perdu", key=key)
    assert f"/admin/vouchers/{key}" in awa.get(path).text
    assert "en remplacement d’un autre bon" in page.text
    assert voucher(app, path).state == "replaced"


def test_the_timeline_tells_the_whole_life(app: Flask, awa: Desk, programme: Programme) -> None:
    path = issue(awa, programme)
    services, now = services_of(app), utc_now()
    with services.database.read() as session:
        branch = session.get_one(Branch, programme.branch_id)
        staff = session.scalars(select(Staff).where(Staff.role == Role.COUNTER.value)).one()
    for _twice in range(2):
        services.database.run(
            redeem,
            services.vault,
            services.ring,
            ScanRequest(
                scan_id=new_id(),
                code=printed(app, path).digits,
                branch_id=branch.id,
                till_book_id=branch.till_book_id,
                staff_id=staff.id,
                scanned_at=now,
                number="+33612345100",
                paid_cents=200,
            ),
            now=now,
        )
    page = awa.get(path).text
    for words in (
        "Émis",
        "Présenté, accepté",
        "Passage enregistré",
        "Recharge demandée",
        "Présenté, refusé",
        "Déjà utilisé",
    ):
        assert words in page, words
    visit = re.search(r'href="(/admin/visits/[^"]+)"', page)
    assert visit
    assert "2\u00a0€" in awa.get(visit[1]).text
    assert branch.name in awa.get("/admin/visits/").text
    assert "<bdi>1</bdi>" in awa.get("/admin/").text
