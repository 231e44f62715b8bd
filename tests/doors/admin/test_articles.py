"""Articles, transfers and stock-takes from their pages: two people, wrong input, and what each page shows."""

from __future__ import annotations

from datetime import date
from io import BytesIO

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.flows.stock.files import article_file, iccid, puk
from tests.house import services_of
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.articles.samples import SAMPLES
from voucher_service.fulfilment.lot_file import opened
from voucher_service.ids import local_day, new_id, utc_now
from voucher_service.partners.catalogue import create_offer
from voucher_service.partners.models import Partner, Route
from voucher_service.staff.models import Branch
from voucher_service.units import Unit


def offer_cards(app: Flask, programme: Programme) -> tuple[str, list[int]]:
    """Offer cards and seats; return the partner's name and the branches."""
    with services_of(app).database.begin() as session:
        for code, route, product in ((71, Route.SIM_STOCK, "SIM-PACK"), (72, Route.SEAT_STOCK, "ATELIER-SMS")):
            create_offer(
                session, code=code, partner_id=programme.partner_id, name_fr=product, name_en=product,
                unit=Unit.PIECE, route=route, product_code=product,
            )  # fmt: skip
        name = session.get_one(Partner, programme.partner_id).name
        return name, list(session.scalars(select(Branch.id).order_by(Branch.id)))


def bring(awa: Desk, programme: Programme, content: bytes, branch: object) -> TestResponse:
    """Send a lot's file through the form."""
    fields = {"partner_id": programme.partner_id, "branch_id": branch, "file": (BytesIO(content), "sims.csv")}
    return awa.send("/admin/stock/import", **fields)


def test_cards_come_in_at_a_branch_travel_and_are_counted(
    app: Flask, awa: Desk, marc: Desk, hugo: Desk, programme: Programme
) -> None:
    name, (north, south, *_) = offer_cards(app, programme)
    assert "Aucun article en stock" in hugo.get("/admin/stock/articles/").text
    assert "Aucun transfert" in hugo.get("/admin/stock/transfers/").text
    assert "Aucun inventaire" in hugo.get("/admin/stock/counts/").text
    content = article_file("sim", [1, 2, 3], day=date(local_day(utc_now()).year + 1, 6, 30), partner=name)
    nowhere = bring(awa, programme, content, "")
    assert faults(nowhere)[0][0] == "branch_id"
    broken = bring(awa, programme, content.replace(iccid(2).encode(), b"8933000000000000000"), north)
    assert "ligne 8, colonne iccid" in broken.text
    assert bring(awa, programme, content, north).status_code == 303
    assert "rien n’a été ajouté" in awa.client.get(bring(awa, programme, content, north).location).text
    page = hugo.get(f"/admin/stock/articles/?serial={iccid(1)}")
    assert page.status_code == 303
    assert puk(1) not in hugo.get(page.location).text, "secrets stand on no page of the coordination"
    form = {"from_branch_id": north, "to_branch_id": south, "serials": f"{iccid(1)}\n{iccid(2)}F"}
    assert faults(awa.send("/admin/stock/transfers/new", key=new_id(), **(form | {"to_branch_id": north})))
    assert (
        "n’est pas en stock" in awa.send("/admin/stock/transfers/new", key=new_id(), **(form | {"serials": "89"})).text
    )
    sent = awa.send("/admin/stock/transfers/new", key=new_id(), **form)
    assert "Une autre personne reçoit" in awa.get(sent.location).text
    assert "envoyé ce transfert" in awa.follow(f"{sent.location}/receive").text
    with services_of(app).database.read() as session:
        missing = session.scalars(select(Article.id).where(Article.serial == iccid(2))).one()
    assert marc.send(f"{sent.location}/receive", missing=missing, note="").status_code == 422
    assert "Le transfert est reçu" in marc.follow(f"{sent.location}/receive", missing=missing, note="pas là").text
    assert "Manquait" in hugo.get(sent.location).text
    _count(awa, marc, hugo, south)


def _count(awa: Desk, marc: Desk, hugo: Desk, branch: int) -> None:
    opened_at = awa.send("/admin/stock/counts/", key=new_id(), branch_id=branch)
    home = opened_at.location
    assert "déjà ouvert" in awa.follow("/admin/stock/counts/", key=new_id(), branch_id=branch).text
    assert "n’était pas attendu" in awa.follow(f"{home}/seen", serial=iccid(2)).text
    assert "n’est connu d’aucun lot" in awa.follow(f"{home}/seen", serial="=1+1").text
    assert awa.send(f"{home}/seen", serial="").status_code == 422
    hand = {"partner_id": new_id(), "kind": "sim", "product_code": "SIM-PACK", "quantity": "1"}
    assert awa.send(f"{home}/by-hand", **hand).status_code == 422
    assert "n’est plus compté" in awa.follow(f"{home}/forget", serial="11").text
    assert iccid(1) in hugo.get(f"{home}/sheet").text
    lines = hugo.get(f"{home}/differences.csv").text.splitlines()
    assert lines[1:] == [f"{iccid(1)};sim;SIM-PACK;missing;", f"{iccid(2)};sim;SIM-PACK;found;"]
    assert "Le comptage est terminé" in awa.follow(f"{home}/submit").text
    assert "une autre personne le clôt" in awa.follow(f"{home}/close", reason="moi-même").text
    assert marc.send(f"{home}/close", reason="").status_code == 422
    assert "les écarts sont écrits" in marc.follow(f"{home}/close", reason="comptage de mars").text
    assert marc.send(f"{home}/other").status_code == 404


def test_a_workshop_has_seats_and_cards_get_numbers(app: Flask, awa: Desk, programme: Programme) -> None:
    name, (north, *_) = offer_cards(app, programme)
    page = awa.get("/admin/stock/sessions/new").text
    offer_id = page.split("ATELIER-SMS</option>")[0].rsplit('value="', 1)[1].split('"')[0]
    form = {"offer_id": offer_id, "branch_id": north, "name": "MARS", "day": date(local_day(utc_now()).year + 1, 3, 4)}
    form |= {"starts": "14:00", "place": "Salle; du haut", "seats": "3"}
    assert faults(awa.send("/admin/stock/sessions/new", **(form | {"starts": "25:00"})))[0][0] == "starts"
    assert faults(awa.send("/admin/stock/sessions/new", **(form | {"day": "2020-01-01"})))[0][0] == "day"
    assert "3 places sont prêtes" in awa.follow("/admin/stock/sessions/new", **form).text
    assert "déjà enregistrée" in awa.follow("/admin/stock/sessions/new", **form).text
    bring(awa, programme, article_file("sim", [1], day=None, partner=name), north)
    numbers = {"partner_id": programme.partner_id}
    good = f"iccid;msisdn\n{iccid(1)};0639980001\n".encode()
    bad = awa.send("/admin/stock/numbers", file=(BytesIO(good.replace(b"0639", b"0X39")), "n.csv"), **numbers)
    assert "ligne 2, colonne msisdn" in bad.text
    assert "1 numéros enregistrés" in awa.follow("/admin/stock/numbers", file=(BytesIO(good), "n.csv"), **numbers).text
    with services_of(app).database.read() as session:
        card = session.scalars(select(Article.id).where(Article.serial == iccid(1))).one()
    assert "finit par 01" in awa.get(f"/admin/stock/articles/{card}").text
    assert awa.get(f"/admin/stock/articles/{card}/number").status_code == 404, "it has its number"


def test_every_sample_is_a_good_file(awa: Desk) -> None:
    products = {"code": set[str](), "sim": {"SIM-PACK"}, "handset": {"PHONE-A"}, "seat": {"ATELIER-SMS"}}
    for name, text in SAMPLES.items():
        assert awa.get(f"/admin/stock/samples/{name}").text == text
        if name != "numbers.csv":
            with opened(text.encode(), partner="Opérateur Un", products=products, today=date(2026, 3, 4)) as (_, rows):
                assert len(list(rows)) == 2
    assert awa.get("/admin/stock/samples/other.csv").status_code == 404
