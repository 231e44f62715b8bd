"""Alembic's entry point: run the steps on the connection that the runner opened."""

from __future__ import annotations

from alembic import context

import voucher_service.fulfilment.around
import voucher_service.fulfilment.articles.count_models
import voucher_service.fulfilment.articles.models
import voucher_service.fulfilment.articles.parcel_models
import voucher_service.fulfilment.bought_models
import voucher_service.fulfilment.connection_models
import voucher_service.fulfilment.custody_models
import voucher_service.fulfilment.models
import voucher_service.ledger.models
import voucher_service.ledger.seal.models
import voucher_service.messages.models
import voucher_service.partners.api.models
import voucher_service.partners.ending.models
import voucher_service.partners.models
import voucher_service.people.models
import voucher_service.reconciliation.balances.models
import voucher_service.reconciliation.closing.models
import voucher_service.reconciliation.intake.models
import voucher_service.reconciliation.models
import voucher_service.reconciliation.work.models
import voucher_service.staff.device_models
import voucher_service.staff.models
import voucher_service.staff.passkey_models
import voucher_service.visits.models
import voucher_service.visits.offline.models
import voucher_service.visits.paper.models
import voucher_service.vouchers.models
import voucher_service.webhooks.models  # noqa: F401  # each import fills the metadata
from voucher_service.db import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    transactional_ddl=False,  # the runner holds the one transaction
    user_module_prefix="voucher_service.db.",
)
context.run_migrations()
