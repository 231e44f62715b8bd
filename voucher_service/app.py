"""The application: made from what a process holds and the doors it opens. Nothing happens at import."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from voucher_service import cli
from voucher_service.services import Services
from voucher_service.web import access, errors, headers, house, log
from voucher_service.web.limits import Throttle


def create_app(services: Services, blueprints: Sequence[Blueprint]) -> Flask:
    """Return the application with these doors. It touches neither the database nor the network.

    Raises:
        RuntimeError: a view says nothing about who may open it.
    """
    settings = services.settings
    app = Flask("voucher_service.web", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=access.REQUEST_LIMIT, WTF_CSRF_TIME_LIMIT=None)
    app.extensions["services"] = services
    app.extensions["throttle"] = Throttle(settings.redis_url, services.vault)
    headers.install(app, settings, services.vault)
    log.install(app, settings.log_level)
    app.before_request(access.gate)  # before CSRF, which reads the form: the limit on its size comes first
    csrf = CSRFProtect(app)
    errors.install(app)
    house.install(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    access.refuse_unmarked(app)
    for view in app.view_functions.values():
        mark = access.access_of(view)
        if mark is not None and (mark.signed or mark.key_scope is not None):
            csrf.exempt(view)  # a signature or a key in a header is nothing that another site's page can send
    for command in cli.COMMANDS:
        app.cli.add_command(command)
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]  # as Flask documents it
    return app
