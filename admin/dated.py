"""Rules that count from a day on (thresholds, tolerances): their form, the same wherever one is set.

Beside it, `since` of `admin/parts.html` writes the day in the table of what was set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from admin import room


def form(
    rooms: str, *, title: str, lead: str, fields: Sequence[room.Field], begins: date, hint: str, **values: Any
) -> room.Form:
    """Return the form of a rule, the day it begins last; `rooms` is the room with `index` and `create`.

    `begins` is the day proposed, `hint` says which days are allowed, `values` are those of the room's addresses.
    """
    day = room.Field(name="effective_from", label=_("À partir du"), kind=room.Kind.DATE, value=begins, hint=hint)
    return room.Form(
        title=title,
        lead=lead,
        fields=[*fields, day],
        action=url_for(f"admin.{rooms}.create", **values),
        submit=_("Enregistrer"),
        cancel=url_for(f"admin.{rooms}.index", **values),
    )


def amount_field(name: str, label: str, hint: str) -> room.Field:
    """Return the question how much, as people write it: `doors.read_quantity` reads the answer."""
    return room.Field(name=name, label=label, inputmode="decimal", width="short", hint=hint)
