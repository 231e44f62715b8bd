"""The adapters that speak HTTP, each with a partner of ours to speak to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from integrations.dt_one import account as dt_one_account
from integrations.dt_one.adapter import DtOne
from integrations.reloadly import account as reloadly_account
from integrations.reloadly.adapter import Reloadly
from integrations.tmf654 import adapter as tmf654_adapter
from tests.integrations import dt_one_server, reloadly_server, tmf654_server
from tests.integrations.contract import NOW, Case

PATIENCE = timedelta(seconds=0.25)
IMPATIENT: dict[str, Any] = {"private": True, "sync_limit": PATIENCE, "ask_limit": PATIENCE}


def a_reloadly(base: str, kind: type[Reloadly] = Reloadly, **other: Any) -> Reloadly:
    """Return an adapter that speaks to the server at `base`."""
    config = reloadly_account.Config(
        base=base, auth_base=base, audience=reloadly_server.AUDIENCE, **{**IMPATIENT, **other}
    )
    return kind(config, client_id=reloadly_server.ID, client_secret=reloadly_server.SECRET, now=lambda: NOW)


def a_dt_one(base: str, kind: type[DtOne] = DtOne, **other: Any) -> DtOne:
    """Return an adapter that speaks to the server at `base`."""
    config = dt_one_account.Config(base=base, **{**IMPATIENT, **other})
    return kind(config, key=dt_one_server.KEY, secret=dt_one_server.SECRET, now=lambda: NOW)


def a_tmf654(base: str, **other: Any) -> tmf654_adapter.Tmf654:
    """Return an adapter that speaks to the server at `base`."""
    config = tmf654_adapter.Config(base=base, party_account="PA-1", **{**IMPATIENT, **other})
    headers = {"authorization": f"Bearer {tmf654_server.TOKEN}"}
    return tmf654_adapter.Tmf654(config, headers=headers, now=lambda: NOW)


RELOADLY = Case(
    "reloadly",
    reloadly_server.ReloadlyServer,
    a_reloadly,
    "535",
    (reloadly_server.ID, reloadly_server.SECRET),
)
RELOADLY_WAITING = Case(
    "reloadly, waiting",
    reloadly_server.ReloadlyServer,
    lambda base: a_reloadly(base, wait=True),
    "auto",
    (reloadly_server.ID, reloadly_server.SECRET),
)
DT_ONE = Case("dt_one", dt_one_server.DtOneServer, a_dt_one, "3001", (dt_one_server.KEY, dt_one_server.SECRET))
TMF654 = Case("tmf654", tmf654_server.Tmf654Server, a_tmf654, "CREDIT", (tmf654_server.TOKEN,))

CASES = (RELOADLY, RELOADLY_WAITING, DT_ONE, TMF654)
