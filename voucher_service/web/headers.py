"""What every answer carries: the content policy and its companions, cookies, and who may keep a copy."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from voucher_service.crypto import Vault
from voucher_service.settings import Settings

_POLICY = (
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",  # the QR reader is WebAssembly
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "media-src 'self' blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
CONTENT_POLICY = "; ".join(_POLICY)

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # none to others; ourselves we need for the CSRF check over HTTPS
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SealedCookies(SecureCookieSessionInterface):
    """Sessions in a cookie signed with HMAC-SHA-256 under a key derived from the master key.

    The key is derived when the first request needs it, so that commands run on a machine without one.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:  # noqa: ARG002  # Flask asks so
        """Return the signer of session cookies."""
        return URLSafeTimedSerializer(
            [self._vault.subkey("session")],
            salt="session",
            serializer=self.serializer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": self.digest_method},
        )

    @staticmethod
    def digest_method(data: bytes = b"") -> Any:
        """Return the hash under the signature."""
        return hashlib.sha256(data)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie; the first request also gives Flask-WTF its key."""
        if app.secret_key is None:
            app.secret_key = self._vault.subkey("csrf").hex()
        return super().open_session(app, request)


def install(app: Flask, settings: Settings, vault: Vault) -> None:
    """Set cookies and headers up on `app`."""
    app.session_interface = SealedCookies(vault)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if settings.secure_cookies else "session",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.secure_cookies:
            response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        if request.endpoint != "static" and (g.get("staff") or session.modified or session):
            response.headers["Cache-Control"] = "no-store"
        return response
