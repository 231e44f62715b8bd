"""One page with every shared part on it, served by an application that has nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import qrcode
from flask import Flask, render_template
from flask_babel import Babel
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup
from qrcode.image.svg import SvgPathImage

WEB = Path(__file__).parents[2] / "voucher_service" / "web"
TEMPLATES = WEB / "templates"
QR_TEXT = "10" + "0123456789" * 20


def make_app() -> Flask:
    """Return an application with the shared templates, the gallery of all parts at `/` and nothing else."""
    app = Flask(__name__, template_folder=str(TEMPLATES), static_folder=str(WEB / "static"))
    app.config.update(SECRET_KEY="only for this test", BABEL_DEFAULT_LOCALE="fr")
    app.jinja_loader = ChoiceLoader([FileSystemLoader(TEMPLATES), FileSystemLoader(Path(__file__).parent)])
    app.jinja_env.filters["quantity"] = lambda quantity, unit, **_: f"{quantity} {unit}"
    Babel(app)
    CSRFProtect(app)

    @app.get("/")
    @app.get("/<path:name>")
    def page(name: str = "gallery.html") -> str:
        return render_template(name, **context())

    return app


def context() -> dict[str, object]:
    """Return what a door gives to its page."""
    picture = io.BytesIO()
    qrcode.make(QR_TEXT, image_factory=SvgPathImage).save(picture)
    svg = picture.getvalue().decode().partition("?>")[2]
    return {
        "lang": "fr",
        "languages": [
            {"code": "fr", "label": "Français", "href": "?"},
            {"code": "en", "label": "English", "href": "?"},
        ],
        "door_name": "Coordination",
        "staff": {"name": "Awa Diallo", "place": "Lyon, Guillotière"},
        "sign_out_href": "/sortie",
        "nav": [
            {"label": label, "href": "#" + label, "current": label == "Bons", "count": count}
            for label, count in [
                ("Aujourd’hui", 37),
                ("Bons", 0),
                ("Personnes", 0),
                ("Dotations", 0),
                ("Équipe", 0),
            ]
        ],
        "qr": Markup(svg),  # noqa: S704 - drawn just above from digits
    }
