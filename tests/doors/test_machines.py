"""The doors of machines: a partner's callback and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from flask import Flask

from tests.house import make_app, make_settings, services_of
from voucher_service.app import create_app
from voucher_service.fulfilment.abilities import BadCallback, Notice
from voucher_service.fulfilment.callbacks import BODY_LIMIT, path_secret
from voucher_service.ids import new_id
from voucher_service.services import Services
from voucher_service.web.callbacks.views import blueprint as callbacks
from voucher_service.web.metrics.views import blueprint as metrics
from voucher_service.web.session.views import blueprint as session

TOKEN = "a-token-of-more-than-16"


class Caller:
    """A partner that calls back; what begins with `!` has a wrong signature."""

    def parse_callback(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        assert all(name == name.lower() for name in headers)
        if raw.startswith(b"!"):
            raise BadCallback("bad_signature")
        return Notice(ours=new_id(), theirs=None, status="SUCCESSFUL", verified=True)


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    """The two doors over an empty programme."""
    held = services_of(make_app(sqlite_url, tmp_path))
    settings = held.settings.model_copy(update={"metrics_token": TOKEN})
    providers = MappingProxyType({"caller": Caller(), "silent": object()})
    services: Services = replace(held, settings=settings, providers=providers)  # type: ignore[arg-type]  # only asked what they can
    return create_app(services, [session, callbacks, metrics])


def address(app: Flask, route: str) -> str:
    """Where the route's partner calls."""
    return f"/callbacks/{route}/{path_secret(services_of(app).vault, route)}"


def test_a_callback_is_answered_fast_and_empty_once_and_again(app: Flask) -> None:
    for _ in range(2):
        answer = app.test_client().post(address(app, "caller"), data=b"{}", content_type="application/json")
        assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    ("route", "data", "status"),
    [("caller", b"!", 422), ("caller", b"x" * (BODY_LIMIT + 1), 413), ("silent", b"{}", 404), ("nobody", b"{}", 404)],
)
def test_what_is_wrong_is_refused_in_the_one_shape(app: Flask, route: str, data: bytes, status: int) -> None:
    answer = app.test_client().post(address(app, route), data=data, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_another_address_is_not_found(app: Flask) -> None:
    wrong = address(app, "silent").replace("silent", "caller")
    assert app.test_client().post(wrong, data=b"{}").status_code == 404
    assert app.test_client().get(address(app, "caller")).status_code == 405


def test_metrics_open_with_the_token_only(app: Flask) -> None:
    client = app.test_client()
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        assert client.get("/metrics", headers=header).status_code == 404
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "coup_de_pouce_queue_due 0.0" in answer.text
    assert 'coup_de_pouce_orders_open{state="unknown"} 0.0' in answer.text
    assert 'coup_de_pouce_breaks_open{priority="1"} 0.0' in answer.text
    assert "coup_de_pouce_gifts_ending 0.0" in answer.text


def test_without_a_token_set_there_are_no_metrics(sqlite_url: str, tmp_path: Path) -> None:
    client = make_app(sqlite_url, tmp_path).test_client()
    assert make_settings("", tmp_path).metrics_token == ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
