"""Codes out of our own stock: a route that calls nobody."""

from __future__ import annotations

from datetime import timedelta

from voucher_service.fulfilment.providers import Capabilities, Idempotency, Lookup, Mode


class CodeStock:
    """Capabilities only: the deliverer itself sets a code aside, inside its transaction."""

    @property
    def capabilities(self) -> Capabilities:
        """A code needs no telephone number, and nothing is ever in the air."""
        return Capabilities(
            mode=Mode.CODE,
            needs_number=False,
            sync_limit=timedelta(),
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ENFORCED,
            reference_field="serial",
        )
