"""Settings: read once from the environment, checked whole, every fault named at once.

Documented in docs/settings.md, which a test keeps equal to this class.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class BadSettings(Exception):
    """One or more settings are wrong; the message lists each with its remedy."""


def _master_key(text: str) -> str:
    try:
        key = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be 32 bytes in URL-safe base64: make one with `flask new-master-key`") from error
    if text and len(key) != 32:
        raise ValueError("must be exactly 32 bytes: make one with `flask new-master-key`")
    return text


def _database_url(text: str) -> str:
    if text.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + text.split("://", 1)[1]
    if text.startswith(("postgresql+psycopg://", "sqlite:///")) or not text:
        return text
    raise ValueError("must start with postgresql:// or sqlite:///")


def _redis_url(text: str) -> str:
    if not text or text.startswith(("redis://", "rediss://", "unix://")):
        return text
    raise ValueError("must start with redis://, rediss:// or unix://")


def _needs_https(known: dict[str, Any]) -> bool:
    return not known.get("demo") or str(known.get("public_url", "")).startswith("https://")


class Settings(BaseSettings):
    """What a deployment may set. Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("var"), description="Folder for the embedded database, keys and result files.")
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="", description="PostgreSQL address; empty means SQLite in DATA_DIR."
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(
        default="",
        description="Redis or Valkey address for workers; empty means a thread inside the web process.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(default=0, ge=0, le=64, description="Web processes; 0 chooses (1 on SQLite, else one a core).")
    threads: int = Field(default=8, ge=1, le=64, description="Threads in each web process.")
    master_key: Annotated[str, AfterValidator(_master_key)] = Field(
        default="", description="32 bytes, URL-safe base64; empty means the file master.key in DATA_DIR."
    )
    organisation: int = Field(
        default=1, ge=1, le=65535, description="Number of the issuing organisation in every code."
    )
    organisation_name: str = Field(
        default="", max_length=80, description="Name of the organisation on receipts; empty leaves the branch's alone."
    )
    public_url: str = Field(
        default="",
        description="Address beneficiaries reach the service at; empty means the listening one. "
        "Passkeys are bound to its name: with another name they open nothing.",
    )
    demo: bool = Field(default=False, description="Fill an empty database with the demonstration programme.")
    secure_cookies: bool = Field(
        default_factory=_needs_https,
        description="Send cookies over HTTPS only; off by default only in a demonstration on plain HTTP.",
    )
    deliver_in_web: bool = Field(
        default=True, description="Deliver from a thread of the web process when there is no REDIS_URL."
    )
    private_partners: bool = Field(
        default=False,
        description="Let connections marked as trials, and webhooks, lead to addresses of this machine and network.",
    )
    offline_vouchers: int = Field(
        default=100,
        ge=0,
        le=1000,
        description="Vouchers a device may accept before it is heard of again; 0 switches offline acceptance off.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Proxies of ours in front whose X-Forwarded headers are believed; 0 believes none.",
    )
    metrics_token: str = Field(
        default="",
        pattern="^(|[!-~]{16,200})$",
        description="Bearer token (16 signs or more) that opens /metrics; empty means there is no such page.",
    )
    checkpoint_dir: str = Field(
        default="",
        description="Folder the signed checkpoints of the books are published to; empty means checkpoints in DATA_DIR.",
    )
    emergency_contacts: str = Field(
        default="",
        max_length=600,
        description="Who to call when the server is dead, printed in emergency packs: `Who: number; Who: number`.",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment.

        Raises:
            BadSettings: naming every wrong value at once.
        """
        try:
            return cls()
        except ValidationError as error:
            lines = [f"  {str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
            raise BadSettings("These settings are wrong:\n" + "\n".join(lines)) from error

    @property
    def database(self) -> str:
        """Return the SQLAlchemy address of the database in use."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'coup-de-pouce.db'}"

    @property
    def checkpoints(self) -> Path:
        """Return the folder that signed checkpoints are published to."""
        return Path(self.checkpoint_dir) if self.checkpoint_dir else self.data_dir / "checkpoints"

    @property
    def base_url(self) -> str:
        """Return the address printed in links and QR codes, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def load_master_key(self, *, create: bool = False) -> bytes:
        """Return the 32-byte master key; with `create`, make the file on first start (mode 0600).

        Raises:
            BadSettings: no key is set, and none may be made.
        """
        if self.master_key:
            return base64.urlsafe_b64decode(self.master_key)
        path = self.data_dir / "master.key"
        if path.exists():
            return base64.urlsafe_b64decode(_master_key(path.read_text().strip()))
        if not create:
            raise BadSettings(
                f"  MASTER_KEY: not set, and there is no {path}. Restore the file from its backup; "
                "for a new installation run `flask new-master-key`."
            )
        self.data_dir.mkdir(parents=True, exist_ok=True)
        text = new_master_key()
        # O_EXCL: two processes starting at once must not each believe in a key of their own.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
        return base64.urlsafe_b64decode(text)


def new_master_key() -> str:
    """Return a fresh random master key in the form MASTER_KEY takes."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
