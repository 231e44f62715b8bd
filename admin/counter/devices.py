"""The counter's telephones and tablets: invited, looked after, withdrawn."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from pydantic import BaseModel, Field

from admin import room
from voucher_service.errors import NotFound
from voucher_service.staff import devices
from voucher_service.staff.device_models import Device
from voucher_service.staff.lists import branch_names
from voucher_service.staff.shifts import open_on
from voucher_service.visits.offline import overview
from voucher_service.vouchers import qr
from voucher_service.web import doors

blueprint = Blueprint("devices", __name__, url_prefix="/devices")

INVITATIONS = doors.Rule("admin-device-invite", tries=30, seconds=3600)


class InUse(StrEnum):
    """Which devices to show."""

    YES = "yes"
    NO = "no"


class DeviceFilter(BaseModel):
    """The filters above the list."""

    branch_id: int | None = Field(default=None, ge=1, lt=2**31)
    in_use: InUse | None = None


class Invitation(BaseModel):
    """What the form of an invitation sends."""

    name: str = Field(min_length=1, max_length=60)
    branch_id: int = Field(ge=1, lt=2**31)


class Withdrawal(BaseModel):
    """What the form that withdraws a device sends."""

    reason: str = Field(min_length=3, max_length=200)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the devices, the newest first, with what each has told us."""
    wanted = doors.read_query(DeviceFilter)
    in_use = None if wanted.in_use is None else wanted.in_use is InUse.YES
    with doors.services().database.read() as session:
        query = overview.devices_query(branch_id=wanted.branch_id, in_use=in_use)
        found = doors.page_of(session, query, by=Device.id, parse=UUID)
        told = overview.told(session, [one.id for one in found.items])
        places = branch_names(session)
    return room.page(
        "counter/devices", found=found, told=told, places=places, wanted=wanted, nothing=overview.Told(), say=state
    )


@blueprint.get("/<uuid:device_id>")
@room.READ
def show(device_id: UUID) -> ResponseReturnValue:
    """Show one device: what it may do, what it has told, who stands at it."""
    with doors.services().database.read() as session:
        device = _device(device_id)
        told = overview.told(session, [device_id]).get(device_id, overview.Told())
        ends = overview.lease_ends(session, device_id)
        shift = open_on(session, device_id, doors.now())
        shift_of = f"staff:{shift.staff_id}" if shift else None
        who = room.who(session, [device.enrolled_by, device.revoked_by, shift_of])
        places = branch_names(session)
    return room.page(
        "counter/device",
        device=device,
        told=told,
        lease_ends=ends if ends and ends > doors.now() and not (device.revoked_at or device.forked_at) else None,
        shift=shift,
        shift_of=shift_of,
        who=who,
        places=places,
        say=state,
    )


@blueprint.get("/new")
@room.WRITE
def new() -> ResponseReturnValue:
    """Show the form of an invitation."""
    return _form().page()


@blueprint.post("/new")
@room.WRITE
def invite() -> ResponseReturnValue:
    """Invite one device and show its code, once: it is stored nowhere, so the answer is the page."""

    def act() -> ResponseReturnValue:
        sent, services = doors.read_form(Invitation), doors.services()
        doors.throttle().spend(INVITATIONS, room.actor())
        made = services.database.run(
            devices.invite, services.vault, actor=room.actor(), now=doors.now(), **sent.model_dump()
        )
        room.log("device_invited", invitation=str(made.id), branch=sent.branch_id)
        with services.database.read() as session:
            place = branch_names(session)[sent.branch_id]
        address = f"{services.settings.base_url}/counter/device"
        picture = qr.svg(f"{address}#{made.code}", qr.Medium.SCREEN, title=_("Code QR à scanner avec l’appareil"))
        return room.page(
            "counter/invited",
            device_name=sent.name,
            place=place,
            invitation=f"{made.code[:5]}-{made.code[5:]}",
            until=made.valid_until,
            minutes=int(devices.INVITED_FOR.total_seconds() // 60),
            address=address,
            picture=Markup(picture),  # noqa: S704  # drawn here, its title escaped
            unreachable=_unreachable(address),
        )

    return room.submitted(_form(), act)


@blueprint.get("/<uuid:device_id>/withdraw")
@room.WRITE
def ask_withdraw(device_id: UUID) -> ResponseReturnValue:
    """Ask why, before a device is believed no more."""
    return _withdraw_form(_device(device_id)).page()


@blueprint.post("/<uuid:device_id>/withdraw")
@room.WRITE
def withdraw(device_id: UUID) -> ResponseReturnValue:
    """Believe the device no more, from this moment."""
    device = _device(device_id)

    def act() -> ResponseReturnValue:
        sent = doors.read_form(Withdrawal)
        doors.services().database.run(
            devices.revoke, device_id, actor=room.actor(), reason=sent.reason, now=doors.now()
        )
        room.log("device_withdrawn", device=str(device_id))
        return room.done(
            _("« %(name)s » est retiré : il n’accepte plus rien.", name=device.name),
            "admin.devices.show",
            device_id=device_id,
        )

    return room.submitted(_withdraw_form(device), act)


def state(device: Device) -> tuple[str, str]:
    """Return the word and tone of a device's state."""
    if device.revoked_at is not None:
        return _("Retiré"), "none"
    if device.forked_at is not None:
        return _("Copié : à retirer"), "bad"
    return _("En service"), "ok"


def _device(device_id: UUID) -> Device:
    with doors.services().database.read() as session:
        device = session.get(Device, device_id)
    if device is None:
        raise NotFound(_("Cet appareil n’existe pas."))
    return device


def _unreachable(address: str) -> bool:
    """Say whether a telephone could not open the address: this machine's own, or one without HTTPS."""
    parts = urlsplit(address)
    return parts.scheme != "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _form() -> room.Form:
    with doors.services().database.read() as session:
        places = branch_names(session)
    return room.Form(
        title=_("Inviter un appareil"),
        lead=_(
            "La page suivante montre un code, une seule fois, bon pour un seul appareil pendant un quart d’heure. "
            "Ayez l’appareil sous la main."
        ),
        fields=[
            room.Field(
                name="name",
                label=_("Nom de l’appareil"),
                hint=_("Ce qui est écrit dessus, comme « Tablette de l’entrée ». Pas le nom d’une personne."),
                attrs={"maxlength": "60"},
            ),
            room.Field(
                name="branch_id",
                label=_("Antenne"),
                kind=room.Kind.SELECT,
                options=list(places.items()),
                empty=_("Choisissez"),
                hint=_("Sans réseau, il n’acceptera que les bons émis pour cette antenne."),
            ),
        ],
        action=url_for("admin.devices.invite"),
        submit=_("Montrer le code"),
        cancel=url_for("admin.devices.index"),
    )


def _withdraw_form(device: Device) -> room.Form:
    return room.Form(
        title=_("Retirer « %(name)s » ?", name=device.name),
        lead=_(
            "Perdu, volé, copié ou remplacé : il n’accepte plus rien, tout de suite et pour toujours. "
            "Ce qu’il enverrait encore n’est pas perdu : chaque passage est gardé et attend une personne."
        ),
        fields=[
            room.Field(
                name="reason",
                label=_("Pourquoi ?"),
                hint=_("Quelques mots, sans nom de personne. Cette raison reste."),
                attrs={"maxlength": "200"},
            )
        ],
        action=url_for("admin.devices.withdraw", device_id=device.id),
        submit=_("Retirer l’appareil"),
        tone="danger",
        cancel=url_for("admin.devices.show", device_id=device.id),
    )
