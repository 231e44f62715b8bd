"""`flask keys …`: the keys that sign vouchers."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from voucher_service.errors import ServiceError
from voucher_service.vouchers.models import SigningKey
from voucher_service.web import doors

keys = AppGroup("keys", help="The keys that sign vouchers.")


@keys.command("list")
def list_keys() -> None:
    """Show every key: its number, state and how many vouchers it signed. Private keys are never shown."""
    services = doors.services()
    with services.database.read() as session:
        rows = session.scalars(
            select(SigningKey).where(SigningKey.organisation == services.ring.organisation).order_by(SigningKey.key_id)
        ).all()
    table = Table("Key", "State", "Since", "Vouchers", "Public key")
    for key in rows:
        since = f"{key.status_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(str(key.key_id), key.status, since, str(key.next_serial), key.public_key.hex())
    Console().print(table)


@keys.command("rotate")
def rotate() -> None:
    """Make a new active key. Vouchers signed by the old one stay good; it signs no more."""
    services = doors.services()
    try:
        number = services.database.run(services.ring.add_key, doors.now())
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Key {number} is active. Telephones at the counters learn it within a minute.")


@keys.command("revoke")
@click.argument("key_id", type=int)
@click.confirmation_option(
    prompt="Vouchers of this key will only pass where the books are at hand, never offline. Revoke it?"
)
def revoke(key_id: int) -> None:
    """Stop believing a key on its own, because its private half may be in other hands."""
    services = doors.services()
    try:
        services.database.run(services.ring.revoke, key_id, doors.now())
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Key {key_id} is revoked. If it was the active one, make another: flask --app wsgi keys rotate")
