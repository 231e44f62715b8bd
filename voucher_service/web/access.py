"""Who may open what: each view carries its mark, and one gate before every request reads it.

A view without a mark stops `create_app`: nothing is open by oversight. The marks of all views stand a second
time in docs/authorisation.csv, which a test keeps equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import NotAllowed, NotFound, NotSignedIn
from voucher_service.ids import utc_now
from voucher_service.partners.api import keys
from voucher_service.partners.api.keys import KeyHolder, Scope
from voucher_service.services import Services
from voucher_service.staff import accounts
from voucher_service.staff.accounts import SignedIn
from voucher_service.staff.models import Branch, Role

V = TypeVar("V", bound=Callable[..., Any])

_MARK = "_access"
IDLE_LIMIT = timedelta(minutes=30)
SESSION_LIMIT = timedelta(hours=12)
SEEN_STEP = timedelta(minutes=1)  # the cookie is written again at most this often
REQUEST_LIMIT = 16 * 2**20
UPLOAD_LIMIT = 64 * 2**20
SIGNED_LIMIT = 2**20
JSON_LIMIT = 2**20
"""A megabyte of JSON may be twenty in memory; ours is a few thousand bytes, and files are never sent as JSON."""


@dataclass(frozen=True, slots=True)
class Access:
    """The mark on a view: roles that may open it (None: everyone) and the largest request in bytes.

    With `key_scope` it is for partners' programs: a key with that scope opens it, and no session does.
    `signed`: each request proves by itself who asks, so it needs neither a session nor a token against forgery.
    """

    roles: frozenset[Role] | None
    limit: int = REQUEST_LIMIT
    key_scope: Scope | None = None
    signed: bool = False


def public(view: V) -> V:
    """Mark a view that everyone may open, signed in or not."""
    setattr(view, _MARK, Access(roles=None))
    return view


def signed(view: V) -> V:
    """Mark a view that checks the signature of a device itself, and answers 401 without one."""
    setattr(view, _MARK, Access(roles=None, limit=SIGNED_LIMIT, signed=True))
    return view


def requires(*roles: Role, upload: bool = False) -> Callable[[V], V]:
    """Mark a view for these roles only; with `upload`, a request may hold 64 MiB instead of 16.

    Stands below the route: `@blueprint.get("/…")` then `@requires(Role.COUNTER)`.
    """
    assert roles, "name the roles, or mark the view @public"
    mark = Access(frozenset(roles), UPLOAD_LIMIT if upload else REQUEST_LIMIT)

    def marked(view: V) -> V:
        setattr(view, _MARK, mark)
        return view

    return marked


def requires_key(scope: Scope, *, upload: bool = False) -> Callable[[V], V]:
    """Mark a view for partners' programs that hold a key with this scope. Cookies count for nothing there."""
    mark = Access(frozenset(), UPLOAD_LIMIT if upload else REQUEST_LIMIT, key_scope=scope)

    def marked(view: V) -> V:
        setattr(view, _MARK, mark)
        return view

    return marked


def access_of(view: Callable[..., Any]) -> Access | None:
    """Return the mark of a view, if it has one."""
    mark: Access | None = getattr(view, _MARK, None)
    return mark


def refuse_unmarked(app: Flask) -> None:
    """Stop the start when a view says nothing about who may open it."""
    bare = sorted(name for name, view in app.view_functions.items() if access_of(view) is None)
    if bare:
        raise RuntimeError(f"these views need @public or @requires(…): {', '.join(bare)}")


def services() -> Services:
    """Return what this process holds."""
    held: Services = current_app.extensions["services"]
    return held


def now() -> datetime:
    """Return the instant of this request: the same throughout it, aware, in UTC."""
    if "now" not in g:
        clock: Callable[[], datetime] = current_app.extensions.get("clock", utc_now)
        g.now = clock()
    at: datetime = g.now
    return at


def log() -> Any:
    """Return the logger of this application; see `voucher_service.web.log` for what may stand in it."""
    return current_app.extensions["log"]


def gate() -> ResponseReturnValue | None:
    """Let a request through, or answer it: runs before everything that reads the request."""
    if request.endpoint is None:
        return None  # no such page: answered further on
    access = access_of(current_app.view_functions[request.endpoint])
    assert access is not None, "create_app refuses views without a mark"
    request.max_content_length = min(access.limit, JSON_LIMIT) if request.is_json else access.limit
    if access.roles is None:
        return None
    if access.key_scope is not None:
        g.staff = None  # whoever else this browser may be
        g.key_holder = _key_holder(access.key_scope)
        return None
    staff = signed_in()
    if staff is None:
        if request.method == "GET" and not wants_json():
            return redirect(url_for("session.sign_in", next=request.full_path.rstrip("?")))
        raise NotSignedIn("Votre session a pris fin : reconnectez-vous, puis recommencez.")
    if staff.role not in access.roles:
        raise NotAllowed("Votre compte n’ouvre pas cette page.")
    return None


def _key_holder(scope: Scope) -> KeyHolder:
    """Return the program behind this request.

    Raises:
        NotSignedIn: no key, or one that is not good: the same answer for both.
        NotAllowed: the key does not open this.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    held = services()
    holder = None
    if kind.lower() == "bearer":
        with held.database.look() as connection:
            holder = keys.authenticate(connection, token.strip(), now())
    if holder is None:
        raise NotSignedIn("Présentez une clé en service : « Authorization: Bearer cdp_… ».", code="key_needed")
    if scope not in holder.scopes:
        raise NotAllowed("Cette clé n’ouvre pas ceci : il y faut « {scope} ».", code="scope_missing", scope=scope.value)
    if keys.is_new_day(holder, now()):
        held.database.run(keys.used, holder.key_id, now())
    return holder


def key_holder() -> KeyHolder:
    """Return the program that asks, behind a view marked `@requires_key`."""
    holder: KeyHolder = g.key_holder
    return holder


def wants_json() -> bool:
    """Say whether the caller is a program: it sent JSON, or prefers it to a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return request.is_json or best in {"application/json", "application/problem+json"}


def open_session(staff_id: UUID, version: int) -> None:
    """Sign a person in: whatever the browser held before is dropped, so a planted session gains nothing."""
    session.clear()
    at = int(now().timestamp())
    session.update({"staff": str(staff_id), "version": version, "since": at, "seen": at})
    g.pop("staff", None)


def close_session() -> None:
    """Forget who was signed in."""
    session.clear()
    g.staff = None


def signed_in() -> SignedIn | None:
    """Return who is signed in, or None. Looked up once a request, so an ended session ends at once."""
    if "staff" not in g:
        g.staff = _look_up()
        if g.staff is None and "staff" in session:
            session.clear()
    found: SignedIn | None = g.staff
    return found


def _look_up() -> SignedIn | None:
    if "staff" not in session:
        return None
    at = now().timestamp()
    if at - session["since"] > SESSION_LIMIT.total_seconds():
        return None
    if at - session["seen"] > IDLE_LIMIT.total_seconds():
        return None
    with services().database.look() as connection:
        staff = accounts.signed_in(connection, UUID(session["staff"]))
    if staff is None or staff.session_version != session["version"]:
        return None
    if at - session["seen"] > SEEN_STEP.total_seconds():
        session["seen"] = int(at)
    return staff


def current_staff() -> SignedIn:
    """Return who is signed in, behind a view marked `@requires`."""
    staff = signed_in()
    if staff is None:
        raise NotSignedIn("Connectez-vous d’abord.")
    return staff


def staff_branches(database: Session) -> list[Branch]:
    """Return the branches the person signed in may act for, by name: theirs, or all for whom that holds."""
    staff = current_staff()
    query = select(Branch).order_by(Branch.name)
    if not staff.sees_all_branches:
        query = query.where(Branch.id.in_(staff.branches))
    return list(database.scalars(query))


def check_branch(branch_id: int) -> None:
    """Refuse a branch outside the scope of the person signed in.

    Raises:
        NotFound: the same answer whether it exists or not.
    """
    staff = current_staff()
    if not staff.sees_all_branches and branch_id not in staff.branches:
        raise NotFound("Cette antenne n’existe pas, ou n’est pas la vôtre.")


def nudge(order_id: UUID) -> None:
    """Tell the workers, after the commit, that an order waits. A hint only: the sweep finds it anyway."""
    hint: Callable[[UUID], None] | None = current_app.extensions.get("nudge")
    if hint is not None:
        hint(order_id)
