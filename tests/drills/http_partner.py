"""The client of the drill's partner: one attempt a call, and an exception means that nobody can tell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from voucher_service.fulfilment.providers import (
    Accepted,
    Capabilities,
    Delivered,
    ErrorClass,
    Found,
    Idempotency,
    Lookup,
    Mode,
    NotFound,
    NotSent,
    Ref,
    Refused,
    Submitted,
    TopUp,
    Unknown,
)

PATIENCE = 1.5
"""Seconds the client waits: less than a slow answer takes."""


@dataclass
class HttpPartner:
    """The drill's partner, by its address."""

    port: int
    sync_limit: timedelta = timedelta(seconds=3)
    client: httpx.Client | None = field(default=None)

    @property
    def capabilities(self) -> Capabilities:
        """It refuses a reused reference, and can be asked about ours."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=False,
            sync_limit=self.sync_limit,
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ENFORCED,
        )

    def _http(self) -> httpx.Client:
        if self.client is None:  # made where it is used: never shared over a fork
            self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE, trust_env=False)
        return self.client

    def submit(self, top_up: TopUp) -> Submitted:
        """Send the order once."""
        try:
            answer = self._http().post(
                "/orders", json={"reference": str(top_up.reference), "quantity": top_up.quantity}
            )
        except httpx.ConnectError:
            return NotSent("connect")
        match answer.status_code:
            case 201:
                return Delivered(answer.json()["id"], answer.json()["quantity"])
            case 202:
                return Accepted(answer.json()["id"])
            case 409:
                return Refused("reference_already_used", ErrorClass.DUPLICATE)
        return Unknown(str(answer.status_code))

    def query(self, ref: Ref) -> Found:
        """Ask what became of it."""
        asked_at = datetime.now(UTC)
        answer = self._http().get(f"/orders/{ref.ours}")
        if answer.status_code == 404:
            return NotFound(as_of=asked_at)
        body = answer.json()
        return Delivered(body["id"], body["quantity"]) if body["state"] == "done" else Accepted(body["id"])


@contextmanager
def partner_server(journal: Path, mode: str = "") -> Iterator[int]:
    """The partner in a process of its own, with faults or in a mode without; its port."""
    command = [sys.executable, "-m", "tests.drills.partner_server", str(journal), mode]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
