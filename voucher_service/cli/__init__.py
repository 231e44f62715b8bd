"""The commands: `flask --app wsgi …`."""

from __future__ import annotations

import click

from voucher_service.cli.books import ledger
from voucher_service.cli.devices import devices
from voucher_service.cli.house import create_staff, migrate, new_master_key, set_password
from voucher_service.cli.keys import keys
from voucher_service.cli.paper import emergency_pack
from voucher_service.cli.sandbox import sandbox_calls
from voucher_service.cli.serve import serve
from voucher_service.cli.statements import fetch_statement
from voucher_service.cli.work import deliver, expire, import_lot, issue_batch

COMMANDS: tuple[click.Command, ...] = (
    serve, migrate, new_master_key, create_staff, set_password, ledger, keys, devices, emergency_pack, import_lot,
    issue_batch, deliver, expire, fetch_statement, sandbox_calls,
)  # fmt: skip
