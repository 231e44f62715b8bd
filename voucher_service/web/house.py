"""What belongs to no door: static files, readiness, the language and the words of a page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import Babel, get_locale
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from voucher_service.errors import NotFound
from voucher_service.migrations import runner
from voucher_service.web.access import public, services, signed_in
from voucher_service.web.compression import compress
from voucher_service.web.forms import fresh_key
from voucher_service.web.say import say_day, say_moment, say_quantity

HERE = Path(__file__).parent
STATIC = HERE / "static"
TRANSLATIONS = HERE.parent / "translations"
LANGUAGES = {"fr": "Français", "en": "English"}
"""What staff read."""

PERSON_LANGUAGES = {**LANGUAGES, "ar": "العربية"}
"""What a beneficiary reads: every text of these pages is in each catalogue."""

RIGHT_TO_LEFT = frozenset({"ar", "fa", "ps"})
LANGUAGE_COOKIE = "lang"
_YEAR = 365 * 24 * 3600

house = Blueprint("house", __name__)


@house.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Say whether this process can serve: the database answers and its schema is ours."""
    try:
        with services().database.read() as database:
            found = database.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return jsonify(status="not_ready", database="away"), 503
    wanted = current_app.extensions["schema"]()
    if found != wanted:
        return jsonify(status="not_ready", database="ok", schema=found, wanted=wanted), 503
    return jsonify(status="ready", database="ok", schema=found)


@house.get("/lang/<code>")
@public
def language(code: str) -> ResponseReturnValue:
    """Keep the language chosen and go back.

    A link, not a form: a token would give everyone who only reads a page a session cookie, and a forged
    visit here changes no more than the language.
    """
    if code not in LANGUAGES:
        raise NotFound("Cette langue n’est pas proposée.")
    response = make_response(redirect(local_path(request.args.get("next", ""))))
    response.set_cookie(
        LANGUAGE_COOKIE,
        code,
        max_age=_YEAR,
        secure=services().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def local_path(target: str) -> str:
    """Return `target` when it is a path of this site, else the front page: no way out to another site."""
    parts = urlsplit(target)
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    if not plain or parts.scheme or parts.netloc or any(c < " " or c == "\\" for c in target):
        return "/"
    return target


def speak_to_person() -> None:
    """Answer this request, its errors too, as a page for a beneficiary: in their language, with links to the others.

    The language is that of the address, else the first of the browser's that we have. Nothing is kept.
    """
    # By its first part: for "ar-TN, fr" werkzeug's best_match would take the French.
    asked = [request.args.get("lang", ""), *(tag[:2].lower() for tag in request.accept_languages.values())]
    g.person_language = next((language for language in asked if language in PERSON_LANGUAGES), "fr")


def _chosen_language() -> str:
    if "person_language" in g:
        return str(g.person_language)
    kept = request.cookies.get(LANGUAGE_COOKIE)
    if kept in LANGUAGES:
        return kept
    return request.accept_languages.best_match(list(LANGUAGES)) or "fr"


def _static(version: str, filename: str) -> Response:
    is_fresh = version == current_app.extensions["static_version"]
    # Without an age (an old page asks for a file that may have changed since) it is served and not kept.
    response = send_from_directory(STATIC, filename, max_age=_YEAR if is_fresh else None)
    response.cache_control.immutable = is_fresh
    # Read whole, the largest is 1 MB: a file left to be streamed stays open when the browser goes away.
    response.direct_passthrough = False
    body = response.get_data()
    response.close()
    response.set_data(body)
    if is_fresh:  # never asked for again: what only serves asking would be a sixth of a small file
        for name in ("Content-Disposition", "Last-Modified", "Expires", "ETag", "Accept-Ranges"):
            response.headers.pop(name, None)
    return compress(request, response)


def tree_version(folder: Path) -> str:
    """Return a hash over the names and bytes of all files in `folder`.

    It stands in the address before the file's path, so modules and styles reach one another by relative
    paths and all change address together.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _words() -> dict[str, Any]:
    if "person_language" in g:
        return {
            "lang": g.person_language,
            "dir": "rtl" if g.person_language in RIGHT_TO_LEFT else "ltr",
            "languages": [
                {"code": code, "label": label, "href": f"?lang={code}"} for code, label in PERSON_LANGUAGES.items()
            ],
            "staff": None,  # a page for the person, whoever is signed in on this device
            "home_href": "",
            "fresh_key": fresh_key,
        }
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return {
        "lang": str(get_locale() or "fr"),
        "languages": [
            {"code": code, "label": label, "href": url_for("house.language", code=code, next=here)}
            for code, label in LANGUAGES.items()
        ],
        "staff": signed_in(),
        "sign_out_href": url_for("session.sign_out"),
        "account_href": url_for("session.account.index"),
        "fresh_key": fresh_key,
    }


def _head_once() -> Callable[[], str]:
    known: list[str] = []

    def head() -> str:
        if not known:
            known.append(runner.steps()[-1])
        return known[0]

    return head


def install(app: Flask) -> None:
    """Give `app` its static files, languages, template words and readiness."""
    app.register_blueprint(house)
    app.extensions["static_version"] = tree_version(STATIC)
    app.extensions["schema"] = _head_once()
    app.add_url_rule("/static/<version>/<path:filename>", "static", public(_static))
    app.url_defaults(_add_version)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, default_locale="fr", default_timezone="Europe/Paris", locale_selector=_chosen_language)
    app.context_processor(_words)
    app.jinja_env.filters["quantity"] = say_quantity
    app.jinja_env.filters["dateformat"] = say_day
    app.jinja_env.filters["datetimeformat"] = say_moment


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static":
        values.setdefault("version", current_app.extensions["static_version"])
