"""Beneficiaries. Money refers to them by id only; everything personal is sealed and can be erased."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voucher_service.db import Base


class Person(Base):
    """A beneficiary under a pseudonymous reference.

    The sealed fields open with the person's own key, kept wrapped in `person_key`; erasing the person is
    removing that key. `phone_lookup` is a keyed hash; `phone_slot` numbers the people who share one
    telephone, so that the limit holds for two desks registering at once. `entitlement_no` rises with each
    voucher issued to the person, so that two desks issuing at once cannot both pass the cap.
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(
            "erased_at IS NULL OR (name_sealed IS NULL AND phone_sealed IS NULL "
            "AND birth_year_sealed IS NULL AND phone_lookup IS NULL)",
            name="erased",
        ),
        CheckConstraint(
            "(phone_lookup IS NULL) = (phone_sealed IS NULL) AND (phone_lookup IS NULL) = (phone_slot IS NULL)",
            name="phone",
        ),
        UniqueConstraint("phone_lookup", "phone_slot"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    birth_year_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_lookup: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    phone_slot: Mapped[int | None] = mapped_column(SmallInteger)
    phone_confirmed_at: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(String(5), default="fr")
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"), index=True)
    entitlement_no: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class PersonKey(Base):
    """A person's own key, wrapped by the master key. No row: erased.

    A table of its own, so that backups can leave it out and keep it for a shorter time than the books
    (docs/decisions/0010-erasing-a-person.md).
    """

    __tablename__ = "person_key"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
