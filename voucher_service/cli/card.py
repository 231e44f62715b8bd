"""The card a start shows: addresses, and the sign-ins of a demonstration."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from voucher_service.demo.staff import ACCOUNTS, PASSWORD
from voucher_service.services import Services

_DOOR = {
    "coordinator": "/admin/",
    "auditor": "/admin/",
    "counter": "/counter/",
    "volunteer": "/counter/",
    "partner": "/partner/",
}


def show_card(services: Services, console: Console) -> None:
    """Show where the service answers and, in a demonstration, how to sign in."""
    settings = services.settings
    card = Table.grid(padding=(0, 2))
    card.add_row("Adresse", f"[bold]{settings.base_url}/[/]")
    card.add_row("Données", f"SQLite, {settings.data_dir}" if services.database.is_sqlite else "PostgreSQL")
    card.add_row("Livraison", "Celery sur Redis" if settings.redis_url else "dans le processus web")
    if settings.demo:
        card.add_row("", "")
        card.add_row("Démonstration", f"mot de passe de tous les comptes : [bold]{PASSWORD}[/]")
        for account in ACCOUNTS:
            card.add_row(f"  {account.login}", f"{account.name} · {settings.base_url}{_DOOR[account.role]}")
    card.add_row("", "")
    card.add_row("Arrêter", "Ctrl+C")
    console.print(Panel(card, title="Coup de Pouce", expand=False, border_style="magenta"))
