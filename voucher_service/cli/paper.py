"""`flask emergency-pack`: a pack to print, when no page is at hand."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import force_locale
from sqlalchemy import select

from voucher_service.errors import ServiceError
from voucher_service.ids import new_id
from voucher_service.staff.models import Branch, Role, Staff
from voucher_service.visits.paper import packs
from voucher_service.web import doors
from voucher_service.web.counter.paper_words import print_pack
from voucher_service.web.house import LANGUAGES


@click.command("emergency-pack")
@click.option("--branch", required=True, help="The branch's name.")
@click.option("--pages", default=4, show_default=True, help="Pages of the paper log.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the PDF is written.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="fr", show_default=True)
@click.option("--as", "login", required=True, help="The coordinator in whose name this is recorded.")
@with_appcontext
def emergency_pack(branch: str, pages: int, out: Path | None, language: str, login: str) -> None:
    """Make a numbered pack for the day the server is dead, and write it as PDF."""
    services = doors.services()
    with services.database.read() as session:
        branch_id = session.scalar(select(Branch.id).where(Branch.name == branch))
        staff = session.scalar(select(Staff).where(Staff.login == login.lower(), Staff.active))
    if branch_id is None:
        raise click.ClickException(f"There is no branch {branch}.")
    if staff is None or staff.role != Role.COORDINATOR.value:
        raise click.ClickException(f"There is no coordinator {login}.")
    try:
        pack = services.database.run(
            packs.make_pack,
            pack_id=new_id(),
            branch_id=branch_id,
            pages=pages,
            actor=f"staff:{staff.id}",
            now=doors.now(),
        )
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    path = out or Path(f"carnet-de-secours-{pack.number}.pdf")
    with path.open("wb") as file, force_locale(language):
        print_pack(services, pack.number, file, by=staff.name, now=doors.now())
    click.echo(f"Pack {pack.number}: {path}. Print it once, and keep it locked at the branch.")
