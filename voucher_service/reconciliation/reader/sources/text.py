"""Bytes of any kind of statement into text: what it is, how it is encoded, which separators may hold."""

from __future__ import annotations

from dataclasses import dataclass

from voucher_service.errors import BadFile
from voucher_service.reconciliation.reader.light import light_faults
from voucher_service.reconciliation.reader.profile import SEPARATORS, Kind, Profile
from voucher_service.reconciliation.reader.rows import encoding_of
from voucher_service.reconciliation.reader.sources import listed
from voucher_service.reconciliation.reader.sources.book import read_book


@dataclass(frozen=True, slots=True)
class Text:
    """Rows as text. `separators` are those that may hold; `sheets` are the names of a workbook's sheets."""

    kind: Kind
    content: bytes
    encoding: str
    separators: tuple[str, ...]
    sheet: str = ""
    sheets: tuple[str, ...] = ()


@light_faults()
def open_text(content: bytes, profile: Profile | None = None, *, sheet: str = "") -> Text:
    """Return the file as text, as the profile wants it. Without one, a workbook gives `sheet`, or its longest.

    Raises:
        BadFile: it is empty, too big, no statement at all, or not what the profile says it is.
    """
    if content.startswith(b"PK\x03\x04"):
        found = read_book(content, profile.sheet if profile else sheet)
        text = Text(Kind.XLSX, found.text, "utf-8", ("\t",), found.name, found.sheets)
        if not found.text.strip():
            raise BadFile("la feuille est vide.", line=1)
    elif content.startswith(listed.START):
        text = Text(Kind.LIST, listed.to_text(content), "utf-8", ("\t",))
    else:
        encoding = encoding_of(content, profile.encoding if profile else "")
        text = Text(Kind.CSV, content, encoding, SEPARATORS)
    if profile is None:
        return text
    if text.kind is not profile.kind:
        raise BadFile(
            "ce fichier n’est pas du même genre ({found}) que les précédents ({kind}) : envoyez-le comme d’habitude, "
            "ou changez les réglages de lecture.",
            line=1,
            found=text.kind.value.upper(),
            kind=profile.kind.value.upper(),
        )
    if profile.separator and text.kind is Kind.CSV:
        return Text(text.kind, text.content, text.encoding, (profile.separator,))
    return text
