"""A desk whose offer goes through a connection that people made: sealed row, route, adapter, real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import update

from integrations.kinds import build_kinds
from tests.flows.delivery.desk import Desk
from tests.integrations import dt_one_server, reloadly_server, tmf654_server
from tests.integrations.sockets import reset
from tests.integrations.talk import Said, Served
from tests.programme import Programme
from voucher_service.fulfilment import connections
from voucher_service.fulfilment.connections import Answers
from voucher_service.fulfilment.routes import Routes
from voucher_service.partners.models import Offer

ROUTE = "ondine"
PUBLIC = "https://bons.example"


@dataclass(frozen=True)
class Link:
    """A kind of connection: which partner of ours stands behind it, the product, and what its form is told."""

    kind: str
    partner: type[Any]
    product: str
    secrets: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)


RELOADLY = Link(
    "reloadly",
    reloadly_server.ReloadlyServer,
    "535",
    {"client_id": reloadly_server.ID, "client_secret": reloadly_server.SECRET},
    {"audience": reloadly_server.AUDIENCE},
)
RELOADLY_PIN = Link(
    RELOADLY.kind,
    RELOADLY.partner,
    str(reloadly_server.PIN_OPERATOR),
    RELOADLY.secrets,
    {**RELOADLY.settings, "wait": "yes"},
)
DT_ONE = Link(
    "dt_one",
    dt_one_server.DtOneServer,
    "3001:amount",
    {"key": dt_one_server.KEY, "secret": dt_one_server.SECRET},
)
DT_ONE_IN_TWO = Link(DT_ONE.kind, DT_ONE.partner, DT_ONE.product, DT_ONE.secrets, {"two_steps": "yes"})
TMF654 = Link(
    "tmf654", tmf654_server.Tmf654Server, "CREDIT", {"secret": tmf654_server.TOKEN}, {"party_account": "PA-1"}
)


class Linked(Desk):
    """The worker of a programme whose top-ups go through a connection."""

    def __init__(self, programme: Programme, link: Link, there: Served, **settings: str) -> None:
        self.programme, self.link, self.there = programme, link, there
        self.kinds = build_kinds(private_addresses=True, now=self.now)
        asked = {one.name: one.default for one in self.kinds[link.kind].questions if not one.secret}
        told = asked | {"auth_base": there.base} | dict(link.settings) | settings
        answers = Answers(base=there.base, trial=True, settings=told, secrets=link.secrets)
        database, vault = programme.database, programme.vault
        made = database.run(
            connections.create,
            vault,
            self.kinds,
            partner_id=programme.partner_id,
            kind=link.kind,
            route=ROUTE,
            answers=answers,
            actor="staff:test",
            now=self.now(),
        )
        self.connection_id: UUID = made.id
        self.routes = Routes({}, self.kinds, database, vault, public_url=PUBLIC)
        self.providers = self.routes  # type: ignore[assignment]  # a mapping is all that workers need
        self.switch(on=True)
        with database.begin() as session:
            to_here = {"route": ROUTE, "product_code": link.product}
            session.execute(update(Offer).where(Offer.id == programme.top_up_id).values(to_here))

    def switch(self, *, on: bool) -> None:
        """Switch the connection on or off."""
        how: dict[str, Any] = {"connection_id": self.connection_id, "on": on, "actor": "staff:test", "now": self.now()}
        self.programme.database.run(connections.switch, **how)
        self.routes.look_again()

    @property
    def partner_lines(self) -> list[dict[str, Any]]:
        """What the partner has written down."""
        lines: list[dict[str, Any]] = self.there.partner.lines  # type: ignore[attr-defined]  # each of ours keeps them
        return lines

    def finish(self, *how: Any, **facts: Any) -> None:
        """Bring all orders to their end at the partner."""
        self.there.partner.finish(*how, **facts)  # type: ignore[attr-defined]  # each of ours can

    def loses_orders(self) -> None:
        """From now on orders are lost on their way: the partner never has them."""

        def lost(line: socket.socket, _said: Said) -> None:
            self.partner_lines.pop()
            reset(line)

        self.there.mishap = lost


Linking = Callable[..., Linked]
"""Makes a desk behind a connection of a kind."""
