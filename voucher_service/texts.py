"""Short texts that people type: names, labels, reasons."""

from __future__ import annotations

import unicodedata

from voucher_service.errors import BadInput


def clean_text(text: str, *, field: str, most: int, least: int = 1) -> str:
    """Return `text` in Unicode's composed form, with single spaces and no control characters.

    Raises:
        BadInput: fewer than `least` or more than `most` characters remain.
    """
    readable = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char) != "Cs"
    )
    cleaned = " ".join(part for part in readable.split(" ") if part)
    if len(cleaned) < least:
        raise BadInput("Ce champ est trop court : {least} caractère(s) au moins.", field=field, least=least)
    if len(cleaned) > most:
        raise BadInput("Ce champ est trop long : {most} caractères au plus.", field=field, most=most)
    return cleaned
