"""`flask ledger check`: the independent audit of the books, read-only."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from voucher_service.ledger.audit import CHECKS, Finding, audit
from voucher_service.web import doors

ledger = AppGroup("ledger", help="The books.")


@ledger.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--most", default=20, show_default=True, help="Faulty rows named for each rule.")
@click.pass_context
def check(context: click.Context, *, as_json: bool, most: int) -> None:
    """Hold the books against every rule; exit 0 when they are sound, 1 when a row breaks one."""
    with doors.services().database.read() as session:
        findings = list(audit(session, most=most))
    if as_json:
        click.echo(json.dumps(_report(findings), ensure_ascii=False, indent=2))
    else:
        Console().print(_table(findings))
        click.echo(_verdict(findings), err=bool(findings))
    if findings:
        context.exit(1)


def _report(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "sound": not findings,
        "rules": [check.rule for check in CHECKS],
        "findings": [finding._asdict() for finding in findings],
    }


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("", "Rule", "Faulty rows", title="The books, rule by rule", show_lines=False)
    for check in CHECKS:
        faulty = [f"{finding.row}: {finding.detail}" for finding in findings if finding.rule == check.rule]
        table.add_row("[red]✗[/]" if faulty else "[green]✓[/]", check.rule, "\n".join(faulty))
    return table


def _verdict(findings: Sequence[Finding]) -> str:
    if not findings:
        return f"Sound: nothing breaks any of the {len(CHECKS)} rules."
    return f"NOT sound: {len(findings)} rows break {len({finding.rule for finding in findings})} rules."
