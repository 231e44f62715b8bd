"""What makes the tests quick and changes nothing they check: files in memory, templates and passwords made cheaply.

What a shop pays for is not paid here a thousand times: disks that keep their word, costly passwords, and
each of hundreds of applications compiling the same templates and addresses anew. Tests about durability
start a server of their own (`own=True`), tests about the cost of passwords ask for `costly_passwords`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from voucher_service.staff import accounts

IN_MEMORY = Path("/dev/shm")  # noqa: S108  # only mkdtemp below it
ROOM = 4 * 2**30
"""Bytes that must be free in memory: a run of all tests needs about one tenth of it at once."""

CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Settings of a PostgreSQL whose data nobody misses after the power fails."""

AS_SHIPPED = accounts._HASHER


def quick_place() -> Path | None:
    """A folder in memory with room for the data of a session; None where there is none."""
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK):
        return None
    return IN_MEMORY if shutil.disk_usage(IN_MEMORY).free >= ROOM else None


def quick_folder(prefix: str) -> Path:
    """A new folder, in memory when there is room."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=quick_place()))


class SharedTemplates(BytecodeCache):
    """What was compiled for one application serves all others of the process, as long as the source is the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], CodeType] = {}

    @staticmethod
    def _name(bucket: Bucket) -> tuple[object, ...]:
        escapes = bucket.environment.autoescape  # of Flask: a method, of each application its own
        kind = getattr(escapes, "__func__", escapes)
        return bucket.key, bucket.checksum, kind, *sorted(bucket.environment.extensions)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Lend what was compiled before."""
        bucket.code = self._made.get(self._name(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        assert bucket.code is not None
        self._made[self._name(bucket)] = bucket.code


def compiled_when_needed(compile_now: Callable[[Rule, bool], Any]) -> Callable[..., Any]:
    """A route's builder of addresses that is compiled at its first use: most applications of the tests build few."""

    def compile_builder(rule: Rule, append_unknown: bool = True) -> Any:
        made: list[Any] = []

        def build(bound: Rule, /, **values: Any) -> Any:
            if not made:
                made.append(compile_now(bound, append_unknown))
            return made[0](bound, **values)

        return build

    return compile_builder


def parsed_once(compile_now: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """The addresses of a route, taken apart for the first application of the process and lent to all others."""
    made: dict[tuple[object, ...], tuple[Any, Any, Any]] = {}

    def compile_rule(rule: Rule) -> None:
        assert rule.map is not None
        converters = tuple(rule.map.converters.items())
        key = rule.rule, rule.host, rule.subdomain, rule.merge_slashes, rule.map.host_matching, converters
        if key not in made:
            compile_now(rule)
            made[key] = rule._parts, rule._trace, rule._converters
            return
        rule._parts, rule._trace, rule._converters = made[key]
        rule.arguments |= rule._converters.keys()
        rule._build, rule._build_unknown = (rule._compile_builder(more).__get__(rule) for more in (False, True))

    return compile_rule


def _hash_with(patch: pytest.MonkeyPatch, hasher: PasswordHasher) -> None:
    patch.setattr(accounts, "_HASHER", hasher)
    accounts._nobody.cache_clear()


@contextmanager
def real_passwords() -> Iterator[None]:
    """Hash passwords as the installation does until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_with(patch, AS_SHIPPED)
        yield
    accounts._nobody.cache_clear()


def _same(mine: DefaultDialect, other: object) -> bool:
    return type(mine) is type(other) and mine.server_version_info == getattr(other, "server_version_info", None)


def share_statements(patch: pytest.MonkeyPatch) -> None:
    """Let all engines share their compiled SQL, as the one engine of a served process does with itself."""
    shared: LRUCache[Any, Any] = LRUCache(5000)
    patch.setattr(Engine, "_compiled_cache", property(lambda _: shared, lambda _engine, _own: None), raising=False)
    # A compiled statement is kept under its dialect: those of one kind and one version of server are the same.
    patch.setattr(DefaultDialect, "__eq__", _same)
    patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))


@contextmanager
def quick() -> Iterator[None]:
    """Be quick in this process until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_with(patch, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": SharedTemplates()})
        share_statements(patch)
        patch.setattr(Rule, "_compile_builder", compiled_when_needed(Rule._compile_builder))
        patch.setattr(Rule, "compile", parsed_once(Rule.compile))
        yield
