"""The message gateways there are, by the name their settings carry."""

from __future__ import annotations

from integrations.console import open_console
from integrations.smpp import open_smpp
from integrations.smtp import open_smtp
from voucher_service.messages.gateways import Factories, GatewayKind


def build_gateways() -> Factories:
    """Return how each kind of gateway is opened."""
    return {
        GatewayKind.SMPP.value: open_smpp,
        GatewayKind.SMTP.value: open_smtp,
        GatewayKind.CONSOLE.value: open_console,
    }
