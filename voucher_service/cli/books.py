"""`flask ledger …`: the independent audit of the books, read-only; sealing them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from voucher_service.crypto import SealBroken
from voucher_service.ledger.audit import CHECKS, Finding, audit
from voucher_service.ledger.audit_files import FILE_RULES, file_findings
from voucher_service.ledger.seal import inspect as log_check
from voucher_service.ledger.seal import inspect_keys, publish, ring
from voucher_service.ledger.seal.models import KeyChange
from voucher_service.ledger.seal.note import LogKey, NoteBroken
from voucher_service.reconciliation.closing import inspect as month_check
from voucher_service.reconciliation.closing import signing
from voucher_service.web import doors

ledger = AppGroup("ledger", help="The books.")


RULES = (*(check.rule for check in CHECKS), *FILE_RULES, *log_check.RULES, *month_check.RULES)


@ledger.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--most", default=20, show_default=True, help="Faulty rows named for each rule.")
@click.option(
    "--outside",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A file of checkpoints, or of changes of keys, kept elsewhere; may be repeated. Without it, those published "
    "on this machine.",
)
@click.pass_context
def check(context: click.Context, *, as_json: bool, most: int, outside: tuple[Path, ...]) -> None:
    """Hold books and log against every rule; exit 0 when they are sound, 1 when a row breaks one."""
    services = doors.services()
    notes = [note for path in outside for note in publish.split_notes(path.read_text(encoding="utf-8"))]
    if not outside:
        folder = services.settings.checkpoints
        notes = [*publish.outside(folder), *publish.outside_changes(folder)]
    signer = services.log_signer()
    with services.database.read() as session:
        findings = list(audit(session, most=most))
        files = file_findings(session, services.vault, most=most)
        findings += [Finding(rule, str(row), what) for rule, row, what in files]
        findings += log_check.inspect(session, signer.key, notes, now=doors.now(), most=most)
        findings += inspect_keys.private(session, signer, KeyChange, log_check.KEYS)
        findings += month_check.inspect(session, signing.StatementSigner(services.vault), notes)
    unknown = log_check.unknowable(notes)
    if as_json:
        click.echo(json.dumps(_report(findings) | {"unknowable": unknown}, ensure_ascii=False, indent=2))
    else:
        Console().print(_table(findings))
        if unknown:
            click.echo(unknown)
        click.echo(_verdict(findings), err=bool(findings))
    if findings:
        context.exit(1)


@ledger.command("seal")
def seal() -> None:
    """Seal every committed transfer and publish the checkpoint; the workers do it every minute."""
    try:
        sealed = doors.services().seal(doors.now(), sweep=True)
    except publish.LogForked as error:
        raise click.ClickException(
            f"Nothing was sealed: {error}. The database was rolled back or rewritten; see docs/operations.md."
        ) from error
    click.echo(f"{sealed} transfers sealed.")


@ledger.command("key")
def key() -> None:
    """Print the line that partners keep to check checkpoints with: the newest key's."""
    services = doors.services()
    with services.database.read() as session:
        click.echo(ring.ring_of(services.log_signer().key, ring.changes(session)).current.text())


@ledger.command("statement-key")
def statement_key() -> None:
    """Print every key of the manifests of months, oldest first: the line that partners keep, since when, of what."""
    services = doors.services()
    with services.database.read() as session:
        found = signing.keys(session, services.vault)
    for key in found:
        since = f"since {key.since:%Y-%m-%d %H:%M} UTC" if key.since else "the first"
        until = f", for months read from at most {key.until} movements" if key.until is not None else ""
        click.echo(f"{key.line}\t{since}{until}")


@ledger.command("rotate-key")
@click.confirmation_option(prompt="Every later checkpoint will be signed with a new key. Change it?")
def rotate_key() -> None:
    """Give the log a new signing key; earlier checkpoints stay verifiable with the old one."""
    _rotate(doors.services().change_log_key)


@ledger.command("rotate-statement-key")
@click.confirmation_option(prompt="Every later month will be signed with a new key. Change it?")
def rotate_statement_key() -> None:
    """Give the manifests of months a new signing key; earlier months stay verifiable with the old one."""
    _rotate(doors.services().change_statement_key)


def _rotate(change: Callable[[datetime], LogKey]) -> None:
    try:
        key = change(doors.now())
    except (NoteBroken, SealBroken, publish.LogForked) as error:
        raise click.ClickException(f"The key was not changed: {error}. See docs/operations.md.") from error
    click.echo(f"{key.text()}\nGive each partner this line, by another way than the site, as you gave it the first.")


def _report(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "sound": not findings,
        "rules": list(RULES),
        "findings": [finding._asdict() for finding in findings],
    }


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("", "Rule", "Faulty rows", title="The books, rule by rule", show_lines=False)
    for rule in RULES:
        faulty = [f"{finding.row}: {finding.detail}" for finding in findings if finding.rule == rule]
        table.add_row("[red]✗[/]" if faulty else "[green]✓[/]", rule, "\n".join(faulty))
    return table


def _verdict(findings: Sequence[Finding]) -> str:
    if not findings:
        return f"Sound: nothing breaks any of the {len(RULES)} rules."
    return f"NOT sound: {len(findings)} rows break {len({finding.rule for finding in findings})} rules."
