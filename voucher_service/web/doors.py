"""What every door shares, in one import: `from voucher_service.web import doors`.

A view is marked (`public`, `requires`), reads its input (`read_form`), runs one feature in one transaction
(`services().database.run(feature, …, now=now())`) and answers. Errors of the tree in `errors.py` are left
to rise: they become a page or `application/problem+json` by themselves.
"""

from __future__ import annotations

from voucher_service.staff.accounts import SignedIn
from voucher_service.staff.models import Role
from voucher_service.web.access import (
    check_branch,
    current_staff,
    key_holder,
    log,
    now,
    nudge,
    public,
    requires,
    requires_key,
    services,
    signed,
    signed_in,
    staff_branches,
    wants_json,
)
from voucher_service.web.forms import (
    BadForm,
    Cents,
    client_key,
    faults_of,
    fresh_key,
    parse,
    read_form,
    read_quantity,
    read_query,
    said,
)
from voucher_service.web.limits import PIN_RULES, Rule, address, throttle
from voucher_service.web.paging import Page, page_of
from voucher_service.web.say import language, say_day, say_moment, say_quantity, spoken

__all__ = [
    "PIN_RULES",
    "BadForm",
    "Cents",
    "Page",
    "Role",
    "Rule",
    "SignedIn",
    "address",
    "check_branch",
    "client_key",
    "current_staff",
    "faults_of",
    "fresh_key",
    "key_holder",
    "language",
    "log",
    "now",
    "nudge",
    "page_of",
    "parse",
    "public",
    "read_form",
    "read_quantity",
    "read_query",
    "requires",
    "requires_key",
    "said",
    "say_day",
    "say_moment",
    "say_quantity",
    "services",
    "signed",
    "signed_in",
    "spoken",
    "staff_branches",
    "throttle",
    "wants_json",
]
