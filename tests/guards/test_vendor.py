"""The code of others that we serve is byte for byte what `vendor.toml` says, and nothing else lies there."""

from __future__ import annotations

import hashlib
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import brotli
import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from voucher_service.web import compression

VENDOR = Path(__file__).parents[2] / "voucher_service" / "web" / "static" / "vendor"
FIELDS = {"name", "version", "source", "licence", "why", "files"}


def faults(vendor: Path) -> list[str]:
    """Return one sentence for each way in which the folder `vendor` differs from its `vendor.toml`."""
    libraries: list[dict[str, Any]] = tomllib.loads((vendor / "vendor.toml").read_text("utf-8"))["library"]
    listed: dict[str, str] = {}
    found: list[str] = []
    for library in libraries:
        missing = FIELDS - {field for field, value in library.items() if value}
        found += [f"{library.get('name')}: no {field}" for field in sorted(missing)]
        files: dict[str, str] = library.get("files", {})
        if not any("/LICENSE" in path for path in files):
            found.append(f"{library.get('name')}: no licence text")
        listed |= files
    present = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    present -= {"vendor.toml"}
    found += [f"{path}: not listed" for path in sorted(present - listed.keys())]
    found += [f"{path}: missing" for path in sorted(listed.keys() - present)]
    for path in sorted(listed.keys() & present):
        if hashlib.sha256((vendor / path).read_bytes()).hexdigest() != listed[path]:
            found.append(f"{path}: not the listed bytes")
    return found


def test_served_libraries_are_the_listed_ones() -> None:
    assert faults(VENDOR) == []


def test_reader_is_the_one_the_ponyfill_is_pinned_to() -> None:
    """A reader of another version loads and then misreads its own memory; the ponyfill names its hash."""
    code = (VENDOR / "barcode-detector" / "zxing-exported.js").read_text("utf-8")
    digest = hashlib.sha256((VENDOR / "zxing-wasm" / "zxing_reader.wasm").read_bytes()).hexdigest()
    assert re.findall(r'"([0-9a-f]{64})"', code) == [digest]


@pytest.mark.parametrize(
    "path", ["htmx/htmx.min.js", "barcode-detector/zxing-exported.js", "zxing-wasm/zxing_reader.wasm"]
)
def test_a_changed_byte_is_found(tmp_path: Path, path: str) -> None:
    copy = shutil.copytree(VENDOR, tmp_path / "vendor")
    content = bytearray((copy / path).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / path).write_bytes(content)
    assert faults(copy) == [f"{path}: not the listed bytes"]


def test_a_stray_and_a_missing_file_are_found(tmp_path: Path) -> None:
    copy = shutil.copytree(VENDOR, tmp_path / "vendor")
    (copy / "htmx" / "extra.js").write_text("1")
    (copy / "htmx" / "LICENSE").unlink()
    assert faults(copy) == ["htmx/extra.js: not listed", "htmx/LICENSE: missing"]


def test_a_library_without_licence_or_reason_is_found(tmp_path: Path) -> None:
    (tmp_path / "x.js").write_text("1")
    digest = hashlib.sha256(b"1").hexdigest()
    (tmp_path / "vendor.toml").write_text(
        '[[library]]\nname = "x"\nversion = "1"\nsource = "npm:x"\nlicence = "MIT"\n'
        f'[library.files]\n"x.js" = "{digest}"\n'
    )
    assert faults(tmp_path) == ["x: no why", "x: no licence text"]


def sent(body: bytes) -> bytes:
    """What a browser that reads brotli is sent for a file of these bytes."""
    request = Request(EnvironBuilder(headers=[("Accept-Encoding", "br")]).get_environ())
    answer = compression.compress(request, Response(body, mimetype="application/wasm"))
    assert answer.content_encoding == "br"
    return answer.get_data()


def test_the_packed_reader_is_the_reader_and_is_what_is_sent_from_the_first_request_on() -> None:
    reader = compression.QR_READER.read_bytes()
    packed = sent(reader)
    assert packed == compression.PACKED.read_bytes()
    assert brotli.decompress(packed) == reader
    assert len(packed) < 360_000


def test_the_packed_form_of_another_reader_is_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Planted: after an upgrade without packing anew the browser still gets the reader it asked for."""
    old = tmp_path / "old.br"
    old.write_bytes(brotli.compress(b"the reader of last year"))
    monkeypatch.setattr(compression, "PACKED", old)
    compression._prepared.cache_clear()
    compression._packed.cache_clear()
    try:
        assert brotli.decompress(sent(compression.QR_READER.read_bytes())) == compression.QR_READER.read_bytes()
    finally:
        compression._prepared.cache_clear()
        compression._packed.cache_clear()
