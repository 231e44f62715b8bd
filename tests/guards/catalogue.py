"""The catalogues of texts: what the source says, what each language has, and what is wrong between the two.

`python -m tests.guards.catalogue` (`make words`) brings every catalogue up to date with the source; it never
guesses a translation from a similar text.
"""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from tests.guards.tree import ROOT

CATALOGUES = tuple(sorted((ROOT / "voucher_service/translations").glob("*/LC_MESSAGES/*.po")))

# What marks a text: the functions of gettext, `N_` for texts translated where they are shown, and the errors
# of the tree, whose sentence a door translates.
_ERRORS = [
    "BadCell",
    "BadFile",
    "BadInput",
    "Conflict",
    "Erased",
    "KeyReused",
    "NotAllowed",
    "NotFound",
    "NotReady",
    "NotSignedIn",
    "SecondPersonNeeded",
    "TooManyTries",
]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(["_", "gettext", "lazy_gettext", "N_", *_ERRORS]),
    "ngettext": (1, 2),
    "_bad": (3,),
    "bad": (3,),
}
# What the person who holds a voucher sees: pages, their errors, and the parts of all pages that stand on these.
PERSON = (
    "voucher_service/web/beneficiary/",
    "voucher_service/web/person_words.py",
    "voucher_service/web/templates/beneficiary/",
    "voucher_service/web/templates/base.html",
    "voucher_service/web/templates/macros/display.html",
)
FOR_PERSONS = frozenset({"ar"})
"""Languages of the person's pages only: staff read French or English."""

_NAMED = re.compile(r"%\((\w+)\)s|\{(\w+)[^{}]*\}")


def extracted() -> Catalog:
    """Return the texts of the source as they are now."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel has no types here
    found = Catalog(charset="utf-8")
    for name, line, text, comments, context in extract_from_dir(
        str(ROOT), methods, options, _KEYWORDS, comment_tags=()
    ):
        found.add(text, locations=[(Path(name).as_posix(), line)], auto_comments=comments, context=context)
    return found


def wanted_in(language: str, wanted: Catalog) -> Catalog:
    """Return what a language's catalogue must have: every text, or those that the person sees."""
    if language not in FOR_PERSONS:
        return wanted
    seen = Catalog(charset="utf-8")
    for message in wanted:
        if message.id and any(name.startswith(PERSON) for name, _line in message.locations):
            seen.add(message.id, locations=message.locations, context=message.context)
    return seen


def language_of(path: Path) -> str:
    """Return the language of the catalogue at `path`."""
    return path.parts[-3]


def read(text: bytes) -> Catalog:
    """Return a catalogue."""
    return read_po(BytesIO(text))


def faults(known: Catalog, wanted: Catalog) -> list[str]:
    """Return what is missing, left over, unsure or different in `known` from what the source says."""
    found = [f"{_short(message)}: in the catalogue, no longer in the source" for message in known if message.id
             and message.id not in wanted]  # fmt: skip
    for message in wanted:
        if message.id:
            found += _faults_of(message, known.get(message.id))
    return found


def _faults_of(message: Message, known: Message | None) -> list[str]:
    if known is None:
        return [f"{_short(message)}: not in the catalogue, run `make words`"]
    sources, said = _texts(message.id), _texts(known.string)
    if not all(said) or len(said) != len(sources):
        return [f"{_short(message)}: not translated"]
    if known.fuzzy:
        return [f"{_short(message)}: fuzzy"]
    pairs = zip(sources, said, strict=True)
    return [f"{_short(message)}: other placeholders" for one, other in pairs if _names(one) != _names(other)]


def _texts(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _names(text: str) -> Counter[str]:
    return Counter("".join(name) for name in _NAMED.findall(text))


def _short(message: Message) -> str:
    return _texts(message.id)[0][:60]


def update(path: Path, wanted: Catalog) -> None:
    """Bring one catalogue up to date: texts that are gone leave it, new ones stand in it untranslated."""
    known = read(path.read_bytes())
    made_at = known.creation_date
    known.update(wanted, no_fuzzy_matching=True)
    known.creation_date = made_at  # or each run would change the file, and two branches never merge
    known.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, known, width=110, no_location=True, ignore_obsolete=True)


if __name__ == "__main__":
    now = extracted()
    for catalogue in CATALOGUES:
        update(catalogue, wanted_in(language_of(catalogue), now))
