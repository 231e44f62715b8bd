"""SIM cards, handsets and seats out of our own stock: routes that call nobody."""

from __future__ import annotations

from datetime import timedelta

from voucher_service.fulfilment.providers import Capabilities, Idempotency, Lookup, Mode


class ArticleStock:
    """Capabilities only: the deliverer sets an article of the branch aside, and staff hand it over."""

    @property
    def capabilities(self) -> Capabilities:
        """An article needs no telephone number, and nothing is ever in the air."""
        return Capabilities(
            mode=Mode.SIM,
            needs_number=False,
            sync_limit=timedelta(),
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ENFORCED,
            reference_field="serial",
        )
