"""The operators' statements of the last months, and the months that are agreed on."""

from __future__ import annotations

from datetime import datetime, timedelta

from voucher_service.demo.moment import Joined
from voucher_service.demo.office import Office
from voucher_service.ids import local_day
from voucher_service.ledger.seal.sealer import seal_all
from voucher_service.reconciliation.closing import close
from voucher_service.services import Services


def agree_on_months(database: Joined, services: Services, office: Office, now: datetime) -> None:
    """Of the first operator one month is closed and the next waits to be agreed to; the second's statement differs."""
    last = local_day(now).replace(day=1) - timedelta(days=1)
    before = last.replace(day=1) - timedelta(days=1)
    for number, end, with_faults in ((0, before, False), (0, last, False), (1, last, True)):
        office.reconcile(database, number, end.replace(day=1), end, with_faults=with_faults)
    office.declare(database, 0, before)
    office.declare(database, 0, last, off=-4)  # the tolerance covers it
    seal_all(database, services.log_signer(), now=now, sweep=True)
    us, them, partner_id = office.actor("coordination"), office.actor("operateur"), office.catalogue.partners[0]
    for end in (before, last):
        if local_day(now - close.SETTLING) <= end:
            continue  # on the first of a month it is too early
        made = database.run(close.propose, services.vault, partner_id, end.replace(day=1), actor=us, now=now)
        if end is before:
            database.run(close.agree, made.id, partner_id, actor=them, now=now)
    office.close_gifts(database, now)
