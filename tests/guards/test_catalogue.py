"""Every text of the pages has its translation, and the catalogues know the texts of today."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages import Catalog

from tests.guards.catalogue import CATALOGUES, FOR_PERSONS, extracted, faults, language_of, read, wanted_in
from voucher_service.web.house import LANGUAGES, PERSON_LANGUAGES


@pytest.fixture(scope="module")
def wanted() -> Catalog:
    """The texts of the source."""
    return extracted()


def test_the_source_is_really_read(wanted: Catalog) -> None:
    for text in ("Se connecter", "Recharge confirmée.", "Ce bon n’existe pas.", "le fichier est vide."):
        assert text in wanted, "a template, a marked text, an error and a statement's error"
    assert CATALOGUES


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_text_is_translated(path: Path, wanted: Catalog) -> None:
    assert faults(read(path.read_bytes()), wanted_in(language_of(path), wanted)) == []


def test_the_person_s_texts_are_found_and_staff_s_are_not(wanted: Catalog) -> None:
    seen = wanted_in("ar", wanted)
    for text in ("Mon bon", "Votre recharge est en route", "Ce lien ne s’ouvre pas", "Aller au contenu", "Gratuit"):
        assert text in seen, text
    assert "Recharge confirmée." not in seen
    assert wanted_in("en", wanted) is wanted
    assert (
        {language_of(path) for path in CATALOGUES}
        == {*LANGUAGES, *FOR_PERSONS} - {"fr"}
        == {*PERSON_LANGUAGES} - {"fr"}
    )


def test_a_text_of_the_person_s_left_in_french_is_caught(wanted: Catalog) -> None:
    (path,) = [one for one in CATALOGUES if language_of(one) == "ar"]
    planted = read(path.read_bytes())
    message = planted.get("Mon bon")
    assert message is not None
    message.string = ""
    assert faults(planted, wanted_in("ar", wanted)) == ["Mon bon: not translated"]


def _source() -> Catalog:
    source = Catalog()
    source.add("Il reste {left} bons.")
    source.add(("%(num)s ligne", "%(num)s lignes"))
    return source


_GOOD = """
msgid "Il reste {left} bons."
msgstr "{left} vouchers are left."

msgid "%(num)s ligne"
msgid_plural "%(num)s lignes"
msgstr[0] "%(num)s line"
msgstr[1] "%(num)s lines"
"""


def test_a_whole_catalogue_is_good() -> None:
    assert faults(read(_GOOD.encode()), _source()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"{left} vouchers are left."', '""', "not translated"),
        ('msgstr[1] "%(num)s lines"', 'msgstr[1] ""', "not translated"),
        ("{left} vouchers", "{rest} vouchers", "other placeholders"),
        ("{left} vouchers", "No vouchers", "other placeholders"),
        ('"%(num)s line"', '"%(n)s line"', "other placeholders"),
        ('msgid "Il reste', '#, fuzzy\nmsgid "Il reste', "fuzzy"),
        ("Il reste {left} bons.", "Il reste {left} lots.", "not in the catalogue, run `make words`"),
        ("Il reste {left} bons.", "Il reste {left} lots.", "in the catalogue, no longer in the source"),
    ],
)
def test_a_planted_fault_is_caught(old: str, new: str, fault: str) -> None:
    assert old in _GOOD
    found = faults(read(_GOOD.replace(old, new, 1).encode()), _source())
    assert any(line.endswith(f": {fault}") for line in found), found
