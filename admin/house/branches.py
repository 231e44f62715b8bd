"""Branches: where people are received."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from admin import room
from voucher_service.staff import lists
from voucher_service.staff.branches import create_branch
from voucher_service.web import doors

blueprint = Blueprint("branches", __name__, url_prefix="/branches")


class NewBranch(BaseModel):
    """What the form of a branch sends."""

    name: str = Field(min_length=1, max_length=80)
    city: str = Field(min_length=1, max_length=80)
    address: str = Field(min_length=1, max_length=160)
    hours: str = Field(min_length=1, max_length=160)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the branches."""
    with doors.services().database.read() as session:
        branches = lists.branches(session)
    return room.page("house/branches", branches=branches)


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of a branch."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def create() -> ResponseReturnValue:
    """Open a branch, with its till."""

    def act() -> ResponseReturnValue:
        sent = doors.read_form(NewBranch)
        made = doors.services().database.run(create_branch, now=doors.now(), **sent.model_dump())
        return room.done(_("L’antenne %(name)s est ouverte.", name=made.name), "admin.branches.index")

    return room.submitted(_form(), act)


def _form() -> room.Form:
    return room.Form(
        title=_("Nouvelle antenne"),
        lead=_("Ce qui est écrit ici paraît sur les bons : où aller, et quand."),
        fields=[
            room.Field(name="name", label=_("Nom"), hint=_("Par exemple : Lyon Guillotière.")),
            room.Field(name="city", label=_("Ville"), hint=_("Les dotations peuvent être réservées à une ville.")),
            room.Field(name="address", label=_("Adresse"), width=""),
            room.Field(name="hours", label=_("Horaires"), width="", hint=_("Du lundi au vendredi, 9 h 30 – 17 h")),
        ],
        action=url_for("admin.branches.create"),
        submit=_("Ouvrir l’antenne"),
        cancel=url_for("admin.branches.index"),
    )
