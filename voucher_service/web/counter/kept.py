"""What a device keeps of the counter: the service worker, the manifest, and pages that open without the server.

These pages are the same for everyone: they hold no session, no name, no token, and so may lie on a telephone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from voucher_service.web import doors
from voucher_service.web.compression import compress
from voucher_service.web.counter.kept_words import device_words, line_words, offline_words
from voucher_service.web.counter.page_words import page_words, scanner_words
from voucher_service.web.house import LANGUAGES, STATIC

blueprint = Blueprint("counter_kept", __name__, url_prefix="/counter")

SHELLS = {
    "counter_kept.shell": "scan.html",
    "counter_kept.state": "state.html",
    "counter_kept.device": "device.html",
}
# Each page brings the words it says: three times all of them would weigh on a first visit over a slow line.
_WORDS: dict[str, Callable[[], dict[str, Any]]] = {
    "counter_kept.shell": lambda: {**page_words(), "offline": offline_words()},
    "counter_kept.state": lambda: {"device": device_words()},
    "counter_kept.device": lambda: {"device": device_words(), "scanner": scanner_words()},
}
READER = (
    "vendor/barcode-detector/ponyfill.js",
    "vendor/barcode-detector/zxing-exported.js",
    "vendor/zxing-wasm/zxing_reader.wasm",
)
SIGNATURE = ("vendor/noble-ed25519/index.js",)
_FILES = ("css/app.css", "css/counter.css", "img/favicon.svg", "vendor/idb/index.js")


def kept_files() -> list[str]:
    """Return the addresses of all files that the kept pages use, but for what some browsers can do without."""
    scripts = sorted(path.relative_to(STATIC).as_posix() for path in (STATIC / "js").rglob("*.js"))
    scripts = [name for name in scripts if "/passkey" not in name]  # a passkey needs the server
    return [url_for("static", filename=name) for name in (*_FILES, *scripts) if not name.endswith("service-worker.js")]


@blueprint.get("/sw.js")
@doors.public
def worker() -> ResponseReturnValue:
    """Give the service worker, with the list of what it keeps: another version of it is another worker."""
    kept = {
        "version": _version(),  # the pages name every file by the version of the static tree
        "home": url_for("counter.scanner"),
        "shells": [url_for(name) for name in SHELLS],
        "stands": {url_for("counter_visits.shift"): url_for("counter_kept.state")},
        "files": kept_files(),
        "reader": [url_for("static", filename=name) for name in READER],
        "signature": [url_for("static", filename=name) for name in SIGNATURE],
    }
    script = (STATIC / "js" / "service-worker.js").read_text("utf-8")
    return _public(Response(f"self.kept = {json.dumps(kept)};\n{script}", mimetype="text/javascript"))


@blueprint.get("/manifest.webmanifest")
@doors.public
def manifest() -> ResponseReturnValue:
    """Say how the counter is installed on a home screen."""
    sizes = {"src": url_for("static", filename="img/favicon.svg"), "type": "image/svg+xml", "sizes": "any"}
    about = {
        "id": url_for("counter.scanner"),
        "name": "Coup de Pouce · " + _("Accueil"),
        "short_name": _("Accueil"),
        "lang": str(get_locale() or "fr"),
        "start_url": url_for("counter.scanner"),
        "scope": url_for("counter.scanner"),
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#5b2350",
        "icons": [sizes],
    }
    return _public(Response(json.dumps(about), mimetype="application/manifest+json"))


def _public(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    return compress(request, response)


@blueprint.get("/shell")
@doors.public
def shell() -> ResponseReturnValue:
    """Give the page that scans, without anybody's session."""
    return _kept_page()


@blueprint.get("/state")
@doors.public
def state() -> ResponseReturnValue:
    """Give the page that says how this device is: what waits, how old its lists are, whether its parts work."""
    return _kept_page()


@blueprint.get("/device")
@doors.public
def device() -> ResponseReturnValue:
    """Give the page where a device is enrolled and a shift is opened."""
    return _kept_page()


def _kept_page() -> Response:
    wanted = request.args.get("lang", "")
    language = wanted if wanted in LANGUAGES else str(get_locale() or "fr")
    return _public(Response(_page(str(request.endpoint), language), mimetype="text/html"))


def _page(endpoint: str, language: str) -> str:
    g.staff = None  # whoever is signed in: this page is kept, and names nobody
    with force_locale(language):
        entries = [
            ("counter.scanner", _("Scanner")),
            ("counter_visits.shift", _("Mon service")),
            ("counter_kept.state", _("État")),
            ("counter_kept.device", _("Appareil")),
        ]
        return render_template(
            f"counter/{SHELLS[endpoint]}",
            kept=True,
            door_name=_("Accueil"),
            home_href=url_for("counter.scanner"),
            nav=[{"label": label, "href": url_for(name), "current": name == endpoint} for name, label in entries],
            languages=[
                {"code": code, "label": label, "href": url_for(endpoint, lang=code)}
                for code, label in LANGUAGES.items()
            ],
            words=_WORDS[endpoint](),
            now="",
            errors={},
        )


def _version() -> str:
    """Return what changes when a file or a word of the kept pages does."""
    known: str | None = current_app.extensions.get("kept_version")
    if known is None:
        pages = "".join(_page(name, code) for name in SHELLS for code in LANGUAGES)
        known = hashlib.sha256(pages.encode()).hexdigest()[:12]
        current_app.extensions["kept_version"] = known
    return known


@blueprint.app_template_filter("wordsjson")
def _words_json(words: Any) -> Markup:
    """Return words for a script in as few bytes as can be: the page that scans is not compressed, for its token."""
    return htmlsafe_json_dumps(words, dumps=partial(json.dumps, ensure_ascii=False, separators=(",", ":")))


@blueprint.app_context_processor
def _line() -> dict[str, Any]:
    return {"line_words": line_words}
