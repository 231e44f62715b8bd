"""The card a start shows: addresses and, in a demonstration only, sign-ins and a voucher to try."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from voucher_service.demo.showcase import Shown, is_demonstration, live_voucher
from voucher_service.demo.staff import ACCOUNTS, PASSWORD
from voucher_service.services import Services
from voucher_service.vouchers import qr
from voucher_service.vouchers.typed_code import grouped

_ROLES = {
    "coordinator": "coordination",
    "counter": "accueil",
    "volunteer": "bénévole",
    "partner": "opérateur",
    "auditor": "financeur",
}
_FIRST_STEPS = (
    "Ouvrez l’adresse, entrez avec « accueil », montrez le QR ci-dessus à la caméra (ou tapez ses 16 chiffres).",
    "La recharge part toute seule ; le passage est noté avec ses réponses.",
    "Entrez ensuite avec « coordination » : le bon, le don et les comptes ont bougé.",
    "Avec « operateur » : ce que sont devenus les dons, et le relevé du mois, sans un écart.",
)


def show_card(services: Services, console: Console, now: datetime) -> None:
    """Show where the service answers. Passwords and codes are shown of a demonstration only."""
    console.print(Panel(_facts(services), title="Coup de Pouce", expand=False, border_style="magenta"))
    if not services.settings.demo:
        return
    with services.database.read() as session:
        if not is_demonstration(session):
            console.print("DEMO is set, but this is not the demonstration’s database: no sign-in is shown.")
            return
        shown = live_voucher(session, services, now)
    _show_sign_ins(console)
    if shown is not None:
        _show_voucher(services, console, shown)
    if not _is_loopback(services.settings.host):
        console.print(
            "[bold red]Everyone who reaches this address knows the demonstration’s password.[/] "
            "Keep it off the internet, or start without DEMO."
        )


def _facts(services: Services) -> Table:
    settings = services.settings
    table = Table.grid(padding=(0, 2))
    table.add_row("Adresse", f"[bold]{settings.base_url}/[/]")
    table.add_row("Données", f"SQLite, {settings.data_dir}" if services.database.is_sqlite else "PostgreSQL")
    table.add_row("Livraison", "Celery sur Redis" if settings.redis_url else "dans le processus web")
    table.add_row("Arrêter", "Ctrl+C")
    return table


def _show_sign_ins(console: Console) -> None:
    table = Table(title="Démonstration : tout est inventé", title_justify="left", box=None, pad_edge=False)
    for heading in ("Identifiant", "Mot de passe", "Rôle", "Qui"):
        table.add_column(heading)
    for account in ACCOUNTS:
        where = f" ({', '.join(account.cities)})" if account.cities else ""
        table.add_row(f"[bold]{account.login}[/]", PASSWORD, _ROLES[account.role] + where, account.name)
    console.print(table)


def _show_voucher(services: Services, console: Console, shown: Shown) -> None:
    picture = Text.from_ansi(qr.terminal(shown.printed.digits, colour=console.is_terminal))
    beside = Table.grid(padding=(0, 1))
    beside.add_row("[bold]Un bon à présenter[/]")
    beside.add_row(f"{shown.offer}, {shown.branch}, jusqu’au {shown.last_day}")
    beside.add_row(f"16 chiffres : [bold]{grouped(shown.printed.typed)}[/]")
    beside.add_row(Text(f"{services.settings.base_url}/mon-bon/{shown.token}", overflow="fold"))
    for number, step in enumerate(_FIRST_STEPS, start=1):
        beside.add_row(f"\n{number}. {step}" if number == 1 else f"{number}. {step}")
    width = max((len(line) for line in picture.plain.splitlines()), default=0)
    if console.width >= width + 50:
        both = Table.grid(padding=(0, 2))
        both.add_row(picture, beside)
        console.print(both)
    else:
        console.print(picture, no_wrap=True, crop=False)
        console.print(beside)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
