"""Commands that keep the house: schema, master key, first accounts."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from voucher_service.errors import ServiceError
from voucher_service.ids import new_id
from voucher_service.migrations import runner
from voucher_service.settings import BadSettings
from voucher_service.staff import accounts, passkeys
from voucher_service.staff.models import Role, Staff
from voucher_service.web import doors


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema."""
    settings = doors.services().settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    runner.upgrade(settings.database)
    click.echo(f"The database stands at step {runner.current(settings.database)}.")


@click.command("new-master-key")
@with_appcontext
def new_master_key() -> None:
    """Make the master key file of a new installation; keep a copy of it away from the database's backups."""
    settings = doors.services().settings
    path = settings.data_dir / "master.key"
    if settings.master_key or path.exists():
        place = "in MASTER_KEY" if settings.master_key else f"in {path}"
        raise click.ClickException(f"There is a master key already, {place}: another would open nothing.")
    try:
        settings.load_master_key(create=True)
    except (BadSettings, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"A new master key stands in {path}. Without it nothing sealed can be read: keep a copy.")


@click.command("create-staff")
@click.argument("login")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role if role is not Role.PARTNER]),
              default=Role.COORDINATOR.value, show_default=True)  # fmt: skip
@click.option("--branch", "branch_ids", type=int, multiple=True, help="Number of a branch; may be repeated.")
@click.password_option()
@with_appcontext
def create_staff(login: str, name: str, role: str, branch_ids: tuple[int, ...], password: str) -> None:
    """Open an account; the password is asked for and never shown."""
    try:
        doors.services().database.run(
            accounts.create_staff,
            staff_id=new_id(),
            login=login,
            name=name,
            role=Role(role),
            password=password,
            branch_ids=branch_ids,
            now=doors.now(),
        )
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The account {login.strip().lower()} is open.")


@click.command("set-password")
@click.argument("login")
@click.password_option()
@with_appcontext
def set_password(login: str, password: str) -> None:
    """Give an account a new password; its sessions end, its PIN and passkeys are forgotten."""
    with doors.services().database.read() as session:
        staff_id = session.scalar(select(Staff.id).where(Staff.login == login.strip().lower()))
    if staff_id is None:
        raise click.ClickException(f"There is no account {login}.")
    try:
        doors.services().database.run(accounts.set_password, staff_id, password)
        doors.services().database.run(passkeys.forget_short_ways, staff_id)
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The account {login.strip().lower()} has a new password.")
