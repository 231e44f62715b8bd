"""All routes of `/api/v1`, put together."""

from __future__ import annotations

from voucher_service.web.api import balances, books, breaks, exports, views
from voucher_service.web.api.door import blueprint

__all__ = ["balances", "blueprint", "books", "breaks", "exports", "views"]
