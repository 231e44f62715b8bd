"""The ways to deliver: one module per partner. `build_providers` names those a deployment has."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.article_stock import ArticleStock
from integrations.code_stock import CodeStock
from integrations.sandbox import SandboxPartner
from voucher_service.fulfilment.providers import Provider
from voucher_service.settings import Settings


def build_providers(settings: Settings) -> Mapping[str, Provider]:
    """Return the provider behind each route's name (`voucher_service.partners.models.Route`)."""
    return {
        "sandbox": SandboxPartner(settings.data_dir / "sandbox-partner.db"),
        "code_stock": CodeStock(),
        **dict.fromkeys(("sim_stock", "handset_stock", "seat_stock"), ArticleStock()),
    }
