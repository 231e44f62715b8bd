"""Work that is otherwise done by the pages or the workers: lots, batches, deliveries, expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import ServiceError
from voucher_service.fulfilment.custody import expire_stock
from voucher_service.fulfilment.deliver import sweep
from voucher_service.fulfilment.lots import import_lot as import_lot_file
from voucher_service.ids import new_id
from voucher_service.partners.ending.calendar import turn as note_endings
from voucher_service.partners.models import Campaign, Offer, Partner
from voucher_service.staff.models import Role, Staff
from voucher_service.vouchers import batches
from voucher_service.vouchers.issue import issue_batch as issue_vouchers
from voucher_service.vouchers.life import expire_all
from voucher_service.vouchers.models import BatchState
from voucher_service.web import doors

_ACTOR = click.option("--as", "login", required=True, help="The coordinator in whose name this is recorded.")


@click.command("expire")
@with_appcontext
def expire() -> None:
    """Expire vouchers and codes in stock whose last day is over; the workers do it every hour."""
    database = doors.services().database
    click.echo(f"{expire_all(database, doors.now)} vouchers expired.")
    click.echo(f"{len(database.run(note_endings, doors.now()))} steps of gifts that end.")
    click.echo(f"{database.run(expire_stock, doors.now())} codes expired.")


@click.command("deliver")
@with_appcontext
def deliver() -> None:
    """Work on every order that is due, once; the workers do it all the time."""
    services = doors.services()
    done = sweep(services.database, services.providers, services.vault, doors.now)
    click.echo(f"{done} orders worked on.")


@click.command("import-lot")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--partner", required=True, help="Name of the operator that sent the file.")
@_ACTOR
@with_appcontext
def import_lot(file: Path, partner: str, login: str) -> None:
    """Import a donor's file of recharge codes, whole or not at all; the format stands in docs/lot-file.md."""
    services = doors.services()
    with services.database.read() as session:
        actor = actor_of(session, login)
        partner_id = session.scalar(select(Partner.id).where(Partner.name == partner))
    if partner_id is None:
        raise click.ClickException(f"There is no operator named {partner}.")
    with _bar("Codes") as show, _told():
        imported = import_lot_file(
            services.database,
            services.vault,
            partner_id=partner_id,
            file_name=file.name,
            content=file,
            actor=actor,
            now=doors.now(),
            progress=show,
        )
    was = "had been imported before as" if imported.again else "is"
    click.echo(f"The file {was} lot {imported.lot_id}: {imported.quantity} codes.")


@click.command("issue-batch")
@click.argument("label")
@click.option("--campaign", required=True, help="Name of the campaign.")
@click.option("--offer", "code", type=int, required=True, help="Code of the offer.")
@click.option("--quantity", type=int, required=True, help="Vouchers to issue, to bearer.")
@click.option("--branch", "branch_id", type=int, help="Number of the branch they are for.")
@_ACTOR
@with_appcontext
def issue_batch(label: str, campaign: str, code: int, quantity: int, branch_id: int | None, login: str) -> None:
    """Ask for a batch of vouchers to bearer and issue it, unless a second person must agree first."""
    services = doors.services()
    with services.database.read() as session:
        actor = actor_of(session, login)
        campaign_id = session.scalar(select(Campaign.id).where(Campaign.name == campaign))
        offer_id = session.scalar(select(Offer.id).where(Offer.code == code))
    if campaign_id is None or offer_id is None:
        raise click.ClickException("There is no such campaign or no such offer.")
    with _told():
        batch = services.database.run(
            batches.propose_batch,
            batch_id=new_id(),
            label=label,
            campaign_id=campaign_id,
            offer_id=offer_id,
            branch_id=branch_id,
            quantity=quantity,
            actor=actor,
            now=doors.now(),
        )
    if batch.state == BatchState.PENDING.value:
        click.echo("So many vouchers need a second person: another coordinator agrees to the batch in the back office.")
        return
    _issue(batch.id, quantity)
    click.echo(f"Batch {batch.id}: {quantity} vouchers, ready to print in the back office.")


def _issue(batch_id: UUID, quantity: int) -> None:
    services = doors.services()
    with _bar("Vouchers") as show, _told():
        issue_vouchers(
            services.database,
            services.ring,
            batch_id,
            clock=doors.now,
            progress=lambda done: show(done, quantity),
        )


def actor_of(session: Session, login: str) -> str:
    """Return the name under which a coordinator's acts are recorded. Raises ClickException when there is none."""
    staff = session.scalar(
        select(Staff).where(Staff.login == login.strip().lower(), Staff.active, Staff.role == Role.COORDINATOR.value)
    )
    if staff is None:
        raise click.ClickException(f"There is no active coordinator with the sign-in {login}.")
    return f"staff:{staff.id}"


@contextmanager
def _told() -> Iterator[None]:
    """Say what cannot be done in one sentence instead of a traceback."""
    try:
        yield
    except ServiceError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long work has come; nothing is drawn where no terminal is."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
