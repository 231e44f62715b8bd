"""Every refusal as a page in plain words, or as `application/problem+json` (RFC 9457) for programs."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateNotFound
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from voucher_service.errors import N_, BadInput, Conflict, NotReady, ServiceError, TooManyTries
from voucher_service.web.access import wants_json
from voucher_service.web.forms import BadForm, said
from voucher_service.web.log import where

CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    500: "internal_error",
}
_TITLES = {
    400: N_("Demande illisible"),
    401: N_("Connexion nécessaire"),
    403: N_("Accès refusé"),
    404: N_("Introuvable"),
    405: N_("Geste impossible ici"),
    409: N_("L’état des choses ne le permet pas"),
    413: N_("Envoi trop volumineux"),
    422: N_("À corriger"),
    429: N_("Trop d’essais"),
    503: N_("Indisponible pour l’instant"),
}
_OTHER = N_("Erreur")
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


def install(app: Flask) -> None:
    """Answer every exception on `app`; nothing of an unforeseen one leaves but its number."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(CSRFError, _stale_page)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)


def _service_error(error: ServiceError) -> Response:
    details: dict[str, Any] = {
        name: value for name in ("field", "line", "column") if (value := getattr(error, name, None))
    }
    if isinstance(error, BadForm):
        details["faults"] = error.faults
    response = _answer(error.status, error.code, said(error), details)
    if error.status == 401 and request.path.startswith("/api/"):
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2
    if isinstance(error, TooManyTries):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _stale_page(_error: CSRFError) -> Response:
    return _answer(
        400,
        "csrf_failed",
        _("Cette page est restée ouverte trop longtemps, ou la demande vient d’ailleurs."),
    )


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())  # a redirection
    response = _answer(status, CODES.get(status, "http_error"), "")
    if allow := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allow))
    return response


def _unforeseen(error: Exception) -> Response:
    known = _translate(error)
    if known is not None:
        return _service_error(known)
    incident = secrets.token_hex(4)
    current_app.extensions["log"].error("unforeseen", incident=incident, **where(error))
    return _answer(500, "internal_error", "", {"incident": incident})


def _translate(error: Exception) -> ServiceError | None:
    """Return the error of the tree that an error of the database means, if it means one."""
    if isinstance(error, _AWAY):
        current_app.extensions["log"].error("database_away", **where(error))
        return NotReady(_("La base de données ne répond pas. Rien n’a été enregistré : réessayez."))
    if isinstance(error, IntegrityError):
        current_app.extensions["log"].warning("constraint", **where(error))
        return Conflict(_("Ces données ont changé entre-temps. Rien n’a été enregistré : rechargez la page."))
    if isinstance(error, DataError | OverflowError | UnicodeError):
        current_app.extensions["log"].warning("unstorable", **where(error))
        return BadInput(_("Une valeur ne peut pas être enregistrée : vérifiez ce qui est écrit."), field="")
    return None


def _answer(status: int, code: str, detail: str, details: dict[str, Any] | None = None) -> Response:
    details = details or {}
    g.code = code
    g.setdefault("staff", None)  # an error page asks the database nothing: it may be what is missing
    if wants_json() or request.path.startswith("/api/"):
        body = {"type": f"urn:coup-de-pouce:{code}", "title": _title(status), "status": status, "code": code}
        body |= {"detail": detail} if detail else {}
        response = Response(
            json.dumps(body | details, ensure_ascii=False), status, content_type="application/problem+json"
        )
    else:
        page = _page(status, message=detail, code=code, incident=details.get("incident", ""))
        response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _title(status: int) -> str:
    return str(_(_TITLES.get(status, _OTHER)))


def _page(status: int, **context: Any) -> str:
    if "person_language" in g:
        return render_template("beneficiary/error.html", status=status, **context)
    try:
        return render_template(f"errors/{status}.html", **context)
    except TemplateNotFound:
        return render_template("errors/400.html" if status < 500 else "errors/500.html", **context)
