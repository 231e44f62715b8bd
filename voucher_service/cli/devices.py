"""`flask devices …`: the counter's telephones and tablets."""

from __future__ import annotations

from uuid import UUID

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from voucher_service.errors import ServiceError
from voucher_service.staff import devices as rooms
from voucher_service.staff.device_models import Device
from voucher_service.staff.models import Branch, Role, Staff
from voucher_service.visits.offline import closing
from voucher_service.visits.paper.models import EmergencyPack
from voucher_service.vouchers.models import Voucher
from voucher_service.web import doors

devices = AppGroup("devices", help="The counter's telephones and tablets.")
_AS = click.option("--as", "login", required=True, help="The coordinator in whose name this is recorded.")


def _actor(login: str) -> str:
    with doors.services().database.read() as session:
        staff = session.scalar(select(Staff).where(Staff.login == login.lower(), Staff.active))
    if staff is None or staff.role != Role.COORDINATOR.value:
        raise click.ClickException(f"There is no coordinator {login}.")
    return f"staff:{staff.id}"


@devices.command("invite")
@click.argument("name")
@click.option("--branch", required=True, help="The branch's name.")
@_AS
def invite(name: str, branch: str, login: str) -> None:
    """Print a code by which one device of the branch is enrolled, once, within 15 minutes."""
    services, actor = doors.services(), _actor(login)
    with services.database.read() as session:
        branch_id = session.scalar(select(Branch.id).where(Branch.name == branch))
    if branch_id is None:
        raise click.ClickException(f"There is no branch {branch}.")
    try:
        made = services.database.run(
            rooms.invite, services.vault, name=name, branch_id=branch_id, actor=actor, now=doors.now()
        )
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{made.code[:5]}-{made.code[5:]}  or  {services.settings.base_url}/counter/device#{made.code}")


@devices.command("list")
def list_devices() -> None:
    """Show every device, whether it was heard of, withdrawn or copied."""
    table = Table("Device", "Name", "Branch", "Last heard of", "State")
    with doors.services().database.read() as session:
        for one, branch in session.execute(
            select(Device, Branch.name).join(Branch, Branch.id == Device.branch_id).order_by(Branch.name, Device.name)
        ):
            state = "withdrawn" if one.revoked_at else "copied: withdraw it" if one.forked_at else "in use"
            table.add_row(str(one.id), one.name, branch, f"{one.seen_at:%Y-%m-%d %H:%M} UTC", state)
    Console().print(table)


@devices.command("revoke")
@click.argument("device_id", type=click.UUID)
@click.option("--reason", required=True, help="Why, in a few words.")
@_AS
def revoke(device_id: UUID, reason: str, login: str) -> None:
    """Believe a device no more: what it uploads from now on is listed, and redeems nothing."""
    services, actor = doors.services(), _actor(login)
    try:
        services.database.run(rooms.revoke, device_id, actor=actor, reason=reason, now=doors.now())
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo("The device is withdrawn.")


@devices.command("conflicts")
def list_conflicts() -> None:
    """Show what devices or paper accepted in vain and nobody has settled: both facts, the oldest first."""
    table = Table("Entry", "Device", "Accepted", "Voucher", "Why", "Already used")
    with doors.services().database.read() as session:
        names = dict(session.execute(select(Device.id, Device.name)).all())
        for row in closing.waiting(session):
            winner = f"{row.detail.get('at', '')} {row.detail.get('branch', '')}".strip()
            accepted = f"{row.accepted_at:%Y-%m-%d %H:%M} UTC"
            why = f"{row.status}: {row.reason}"
            table.add_row(str(row.id), names[row.device_id], accepted, f"{row.key_id}-{row.serial}", why, winner)
        for line in closing.waiting_on_paper(session):
            pack, voucher = session.get_one(EmergencyPack, line.pack_id), session.get_one(Voucher, line.voucher_id)
            winner = f"{line.detail.get('at', '')} {line.detail.get('branch', '')}".strip()
            accepted = f"{line.handed_at:%Y-%m-%d %H:%M} UTC"
            place = f"paper {pack.number}-{line.page}-{line.line}"
            why = f"{line.status}: {line.reason}"
            table.add_row(str(line.id), place, accepted, f"{voucher.key_id}-{voucher.serial}", why, winner)
    Console(width=160).print(table)


@devices.command("settle")
@click.argument("entry_id", type=click.UUID)
@click.option("--note", required=True, help="What was done for the person, in a few words.")
@_AS
def settle(entry_id: UUID, note: str, login: str) -> None:
    """Close a conflict or refusal, once: its device gets that part of its window back, what it sealed is erased."""
    services, actor = doors.services(), _actor(login)
    try:
        services.database.run(closing.close, entry_id, note=note, actor=actor, now=doors.now())
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo("It is settled.")
