"""A file that waits for its confirmation is sealed a piece at a time, and is what it was when it is taken again."""

from __future__ import annotations

from pathlib import Path

import pytest

from voucher_service.crypto import Place, Vault
from voucher_service.errors import Conflict
from voucher_service.ids import new_id, utc_now
from voucher_service.web.partner import uploads

MASTER = bytes(range(32))


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2 * 2**20 + 7])
def test_pieces_are_what_the_whole_would_be(size: int, tmp_path: Path) -> None:
    vault, partner_id, content = Vault(MASTER), new_id(), bytes(range(251)) * (size // 251 + 1)
    content = content[:size]
    digest = uploads.keep(vault, tmp_path, partner_id, content, utc_now(), "mars.csv")
    (kept,) = tmp_path.glob("*.csv")
    assert kept.read_bytes() == vault.seal_file(Place("upload", digest, str(partner_id)), content)
    assert uploads.take(vault, tmp_path, partner_id, digest) == content
    with pytest.raises(Conflict):
        uploads.take(vault, tmp_path, new_id(), digest)
