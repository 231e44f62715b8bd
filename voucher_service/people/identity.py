"""People: registered under a reference, their fields sealed with a key of their own, erased with that key.

What erasing means for copies and backups stands in docs/decisions/0010-erasing-a-person.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal, unseal
from voucher_service.errors import N_, BadInput, Conflict, Erased, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.people.models import Person, PersonKey
from voucher_service.people.phones import read_mobile
from voucher_service.people.references import new_reference, read_reference
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text

MAX_PEOPLE_PER_NUMBER = 3
"""How many people may share one telephone: a couple and a parent do; a fourth is more often a fraud."""

_OLDEST = 1900
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")


@dataclass(frozen=True, slots=True)
class Identity:
    """What we know of a person in clear; `phone` in E.164. Never stored, logged or listed."""

    name: str | None
    phone: str | None
    birth_year: int | None


def register(
    session: Session,
    vault: Vault,
    *,
    name: str | None,
    phone: str | None,
    birth_year: int | None,
    language: str,
    branch_id: int | None,
    now: datetime,
    person_id: UUID | None = None,
) -> Person:
    """Register a person; all but the language may be left out.

    `person_id` is made by the caller (UUIDv7): the same form sent twice registers once.

    Raises:
        BadInput: naming the field. Conflict: `phone_shared_by_too_many`.
    """
    person_id = person_id or new_id()
    known = session.get(Person, person_id)
    if known is not None:
        return known
    plain_name = clean_text(name, field="name", most=120) if name and name.strip() else None
    e164 = read_mobile(phone) if phone and phone.strip() else None
    _check(session, birth_year, language, branch_id, now)
    key, wrapped = vault.new_key(_place("wrapped_key", person_id))
    person = Person(
        id=person_id,
        reference=_unused_reference(session),
        name_sealed=_sealed(key, "name", person_id, plain_name),
        birth_year_sealed=_sealed(key, "birth_year", person_id, str(birth_year) if birth_year else None),
        language=language,
        branch_id=branch_id,
        entitlement_no=0,
        created_at=now,
    )
    if e164 is not None:
        _give_phone(session, vault, key, person, e164)
    session.add(person)
    session.flush()
    session.add(PersonKey(person_id=person_id, wrapped_key=wrapped))
    session.flush()
    return person


def reveal(session: Session, vault: Vault, person_id: UUID) -> Identity:
    """Return what we know of the person, in clear.

    Raises:
        NotFound. Erased: the person's key is destroyed.
    """
    return opened(_person(session, person_id), _key(session, vault, person_id))


def opened(person: Person, key: bytes) -> Identity:
    """Return the sealed fields of `person`, opened with the person's 32-byte `key`."""
    year = _unsealed(key, "birth_year", person.id, person.birth_year_sealed)
    return Identity(
        name=_unsealed(key, "name", person.id, person.name_sealed),
        phone=_unsealed(key, "phone", person.id, person.phone_sealed),
        birth_year=int(year) if year else None,
    )


def find_by_phone(session: Session, vault: Vault, phone: str) -> list[Person]:
    """Return the people who gave this number, who came first, first. Raises BadInput: no mobile number."""
    lookup = vault.lookup("phone", read_mobile(phone))
    return list(session.scalars(select(Person).where(Person.phone_lookup == lookup).order_by(Person.id)))


def find_by_reference(session: Session, text: str) -> Person:
    """Return the person whose reference was typed or heard. Raises BadInput: mistyped; NotFound."""
    person = session.scalar(select(Person).where(Person.reference == read_reference(text)))
    if person is None:
        raise NotFound("Personne n’a cette référence : relisez-la, ou cherchez par téléphone.")
    return person


def change_phone(session: Session, vault: Vault, person_id: UUID, phone: str | None) -> Person:
    """Give the person another number, not confirmed yet, or none. The same number again changes nothing.

    Raises:
        NotFound. Erased. BadInput: no mobile number. Conflict: `phone_shared_by_too_many`.
    """
    person = _person(session, person_id)
    key = _key(session, vault, person_id)
    e164 = read_mobile(phone) if phone and phone.strip() else None
    if opened(person, key).phone == e164:
        return person
    if e164 is None:
        person.phone_sealed = person.phone_lookup = person.phone_slot = None
    else:
        _give_phone(session, vault, key, person, e164)
    person.phone_confirmed_at = None
    session.flush()
    return person


def confirm_phone(session: Session, person_id: UUID, now: datetime) -> Person:
    """Note that the person was reached on the number now (operators give numbers to others after months).

    Raises:
        NotFound. Erased. Conflict: `no_phone`.
    """
    person = _person(session, person_id)
    if person.erased_at is not None:
        raise Erased(_ERASED)
    if person.phone_lookup is None:
        raise Conflict("Cette personne n’a pas donné de numéro : saisissez-le d’abord.", code="no_phone")
    person.phone_confirmed_at = now
    session.flush()
    return person


def erase(session: Session, person_id: UUID, now: datetime) -> None:
    """Destroy the person's key and sealed fields. The books and the reference stay. Idempotent.

    Raises:
        NotFound: there never was such a person.
    """
    _person(session, person_id)
    session.execute(delete(PersonKey).where(PersonKey.person_id == person_id))
    session.execute(
        update(Person)
        .where(Person.id == person_id, Person.erased_at.is_(None))
        .values(
            name_sealed=None,
            phone_sealed=None,
            birth_year_sealed=None,
            phone_lookup=None,
            phone_slot=None,
            phone_confirmed_at=None,
            language="fr",  # a rare language in a small branch would point at someone
            erased_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    session.get(Person, person_id, populate_existing=True)


_ERASED = "Cette personne a été effacée à sa demande ou au terme du délai : il ne reste que ses écritures."


def _person(session: Session, person_id: UUID) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("Cette personne n’existe pas.")
    return person


def _key(session: Session, vault: Vault, person_id: UUID) -> bytes:
    kept = session.get(PersonKey, person_id)
    if kept is None:
        raise Erased(_ERASED)
    return vault.open_key(_place("wrapped_key", person_id), kept.wrapped_key)


def _give_phone(session: Session, vault: Vault, key: bytes, person: Person, e164: str) -> None:
    lookup = vault.lookup("phone", e164)
    others = select(Person.phone_slot).where(Person.phone_lookup == lookup, Person.id != person.id)
    taken = set(session.scalars(others))
    free = [slot for slot in range(1, MAX_PEOPLE_PER_NUMBER + 1) if slot not in taken]
    if not free:
        raise Conflict(
            "Ce numéro sert déjà à {most} personnes : demandez un autre numéro, "
            "ou enregistrez la personne sans téléphone.",
            code="phone_shared_by_too_many",
            most=MAX_PEOPLE_PER_NUMBER,
        )
    person.phone_sealed = _sealed(key, "phone", person.id, e164)
    person.phone_lookup = lookup
    person.phone_slot = free[0]


def _check(session: Session, birth_year: int | None, language: str, branch_id: int | None, now: datetime) -> None:
    this_year = local_day(now).year
    if birth_year is not None and not _OLDEST <= birth_year <= this_year:
        told = N_("L’année de naissance est entre {oldest} et {this_year}.")
        raise BadInput(told, field="birth_year", oldest=_OLDEST, this_year=this_year)
    if not _LANGUAGE.fullmatch(language):
        raise BadInput("La langue s’écrit en deux lettres : fr, en, ar…", field="language")
    if branch_id is not None and session.get(Branch, branch_id) is None:
        raise BadInput("Cette antenne n’existe pas : choisissez dans la liste.", field="branch_id")


def _unused_reference(session: Session) -> str:
    # 34 thousand million references: a second try is already rare, and UNIQUE catches two desks at once.
    while True:
        reference = new_reference()
        if session.scalar(select(Person.id).where(Person.reference == reference)) is None:
            return reference


def _place(column: str, person_id: UUID) -> Place:
    return Place("person", column, str(person_id))


def _sealed(key: bytes, column: str, person_id: UUID, text: str | None) -> bytes | None:
    return None if text is None else seal(key, _place(column, person_id), text.encode())


def _unsealed(key: bytes, column: str, person_id: UUID, sealed: bytes | None) -> str | None:
    return None if sealed is None else unseal(key, _place(column, person_id), sealed).decode()
