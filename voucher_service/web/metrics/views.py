"""Figures for Prometheus. Off unless METRICS_TOKEN is set; computed from the database at each scrape.

So they are right whatever number of processes serves and delivers, and none needs to hold a count.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from voucher_service.errors import NotFound
from voucher_service.fulfilment.figures import RECENT, Figures, figures
from voucher_service.ids import local_day
from voucher_service.impact.today import SOON
from voucher_service.partners.lists import gifts_query
from voucher_service.reconciliation.work.worklist import open_by_priority
from voucher_service.web import doors

blueprint = Blueprint("metrics", __name__)
_PREFIX = "coup_de_pouce"


@blueprint.get("/metrics")
@doors.public
def scrape() -> Response:
    """Answer a scrape that carries the token; to anybody else this page does not exist."""
    token = doors.services().settings.metrics_token
    given = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise NotFound("Cette adresse n’existe pas.")
    today = local_day(doors.now())
    with doors.services().database.read() as session:
        found = figures(session, doors.now())
        breaks = open_by_priority(session)
        ending = session.scalar(select(func.count()).select_from(gifts_query(ends_by=today + SOON).subquery())) or 0
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(found, breaks, ending))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Snapshot(Collector):
    def __init__(self, found: Figures, breaks: dict[int, int], ending: int) -> None:
        self._found, self._breaks, self._ending = found, breaks, ending

    def collect(self) -> Iterator[Metric]:
        found, minutes = self._found, int(RECENT.total_seconds() // 60)
        yield _gauge("queue_due", "Orders that a worker should be at.", {(): found.due})
        yield _gauge("queue_age_seconds", "How long the oldest of them has been due.", {(): found.age.total_seconds()})
        yield _gauge("orders_open", "Orders not at their end.", found.open, "state")
        yield _gauge(
            "attempts_recent", f"Calls to partners ended within {minutes} min.", found.attempts, "kind", "outcome"
        )
        yield _gauge("route_paused", "Routes whose partner refuses us.", found.paused, "route")
        yield _gauge("balance_hundredths", "What a partner said is left.", found.balances, "route", "currency")
        breaks: dict[tuple[str, ...], float] = {(str(one),): self._breaks.get(one, 0) for one in {1, *self._breaks}}
        yield _gauge("breaks_open", "Breaks that nobody has settled; 1 is urgent.", breaks, "priority")
        yield _gauge("gifts_ending", "Open gifts that end within 30 days, or have ended.", {(): self._ending})
        yield _gauge("callbacks_recent", f"Callbacks received within {minutes} min.", {(): found.callbacks})


def _gauge(name: str, text: str, values: dict[tuple[str, ...], float], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
