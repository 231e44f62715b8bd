"""The commands: `flask --app wsgi …`."""

from __future__ import annotations

import click

from voucher_service.cli.house import create_staff, migrate, new_master_key
from voucher_service.cli.serve import serve

COMMANDS: tuple[click.Command, ...] = (serve, migrate, new_master_key, create_staff)
