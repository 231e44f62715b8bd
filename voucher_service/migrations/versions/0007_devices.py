"""Devices, their shifts and leases, and what they accepted without a network."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('device',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('branch_id', sa.Integer(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(length=65), nullable=False),
    sa.Column('enrolled_by', sa.String(length=60), nullable=False),
    sa.Column('enrolled_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('seen_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('caught_up_on', sa.Date(), nullable=True),
    sa.Column('lease_until_on', sa.Date(), nullable=True),
    sa.Column('forked_at', voucher_service.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', voucher_service.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.String(length=60), nullable=True),
    sa.Column('revoked_reason', sa.String(length=200), nullable=True),
    sa.CheckConstraint('(revoked_at IS NULL) = (revoked_by IS NULL)', name=op.f('ck_device_revoked')),
    sa.CheckConstraint('revoked_reason IS NULL OR revoked_at IS NOT NULL', name=op.f('ck_device_reason')),
    sa.ForeignKeyConstraint(['branch_id'], ['branch.id'], name=op.f('fk_device_branch_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device')),
    sa.UniqueConstraint('public_key', name=op.f('uq_device_public_key'))
    )
    op.create_index(op.f('ix_device_branch_id'), 'device', ['branch_id'], unique=False)
    op.create_table('staff_pin',
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('pin_hash', sa.String(length=200), nullable=False),
    sa.Column('set_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_staff_pin_staff_id')),
    sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_staff_pin'))
    )
    op.create_table('device_invitation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code_lookup', sa.LargeBinary(length=32), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('branch_id', sa.Integer(), nullable=False),
    sa.Column('made_by', sa.String(length=60), nullable=False),
    sa.Column('made_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('valid_until', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['branch_id'], ['branch.id'], name=op.f('fk_device_invitation_branch_id')),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_device_invitation_device_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device_invitation')),
    sa.UniqueConstraint('code_lookup', name=op.f('uq_device_invitation_code_lookup')),
    sa.UniqueConstraint('device_id', name=op.f('uq_device_invitation_device_id'))
    )
    op.create_table('device_lease',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('granted_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('valid_until', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('up_to_seq', sa.Integer(), nullable=False),
    sa.CheckConstraint('valid_until > granted_at', name=op.f('ck_device_lease_ends')),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_device_lease_device_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device_lease'))
    )
    op.create_index(op.f('ix_device_lease_device_id'), 'device_lease', ['device_id'], unique=False)
    op.create_table('shift',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('branch_id', sa.Integer(), nullable=False),
    sa.Column('opened_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ends_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('closed_at', voucher_service.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint('ends_at > opened_at', name=op.f('ck_shift_ends')),
    sa.ForeignKeyConstraint(['branch_id'], ['branch.id'], name=op.f('fk_shift_branch_id')),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_shift_device_id')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_shift_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shift'))
    )
    op.create_index('uq_shift_open', 'shift', ['device_id'], unique=True, sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))
    op.create_table('device_lease_value',
    sa.Column('lease_id', sa.Uuid(), nullable=False),
    sa.Column('unit', sa.String(length=16), nullable=False),
    sa.Column('up_to', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('up_to >= 0', name=op.f('ck_device_lease_value_up_to')),
    sa.ForeignKeyConstraint(['lease_id'], ['device_lease.id'], name=op.f('fk_device_lease_value_lease_id')),
    sa.PrimaryKeyConstraint('lease_id', 'unit', name=op.f('pk_device_lease_value'))
    )
    op.create_table('offline_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('scan_id', sa.Uuid(), nullable=False),
    sa.Column('entry_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('prev_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('signature', sa.LargeBinary(length=64), nullable=False),
    sa.Column('placed', sa.SmallInteger(), nullable=False),
    sa.Column('organisation', sa.Integer(), nullable=False),
    sa.Column('key_id', sa.SmallInteger(), nullable=False),
    sa.Column('serial', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(length=16), nullable=False),
    sa.Column('value', sa.Integer(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('accepted_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('age_ms', sa.BigInteger(), nullable=False),
    sa.Column('lease_id', sa.Uuid(), nullable=False),
    sa.Column('shift_id', sa.Uuid(), nullable=False),
    sa.Column('received_at', voucher_service.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('status', sa.String(length=9), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=True),
    sa.Column('voucher_id', sa.Uuid(), nullable=True),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('wrapped_key', sa.LargeBinary(), nullable=True),
    sa.Column('content_sealed', sa.LargeBinary(), nullable=True),
    sa.Column('closed_at', voucher_service.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=60), nullable=True),
    sa.Column('decision', sa.String(length=16), nullable=True),
    sa.Column('closing_note', sa.String(length=400), nullable=True),
    sa.CheckConstraint("(status = 'confirmed') = (reason IS NULL)", name=op.f('ck_offline_entry_reason')),
    sa.CheckConstraint("closed_at IS NULL OR status <> 'confirmed'", name=op.f('ck_offline_entry_closed')),
    sa.CheckConstraint("status <> 'confirmed' OR (voucher_id IS NOT NULL AND placed = 1)", name=op.f('ck_offline_entry_confirmed')),
    sa.CheckConstraint("status <> 'conflict' OR placed = 1", name=op.f('ck_offline_entry_conflict')),
    sa.CheckConstraint("status IN ('confirmed', 'conflict', 'refused')", name=op.f('ck_offline_entry_status')),
    sa.CheckConstraint('(closed_at IS NULL) = (closed_by IS NULL)', name=op.f('ck_offline_entry_closed_by')),
    sa.CheckConstraint('(closed_at IS NULL) = (decision IS NULL)', name=op.f('ck_offline_entry_decision')),
    sa.CheckConstraint('seq > 0 AND value > 0 AND total >= value', name=op.f('ck_offline_entry_counts')),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_offline_entry_device_id')),
    sa.ForeignKeyConstraint(['voucher_id'], ['voucher.id'], name=op.f('fk_offline_entry_voucher_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offline_entry')),
    sa.UniqueConstraint('device_id', 'entry_hash', name=op.f('uq_offline_entry_device_id_entry_hash'))
    )
    op.create_index('ix_offline_entry_open', 'offline_entry', ['received_at'], unique=False, sqlite_where=sa.text("status <> 'confirmed' AND closed_at IS NULL"), postgresql_where=sa.text("status <> 'confirmed' AND closed_at IS NULL"))
    op.create_index(op.f('ix_offline_entry_scan_id'), 'offline_entry', ['scan_id'], unique=False)
    op.create_index(op.f('ix_offline_entry_voucher_id'), 'offline_entry', ['voucher_id'], unique=False)
    op.create_index('uq_offline_entry_confirmed', 'offline_entry', ['scan_id'], unique=True, sqlite_where=sa.text("status = 'confirmed'"), postgresql_where=sa.text("status = 'confirmed'"))
    op.create_index('uq_offline_entry_place', 'offline_entry', ['device_id', 'seq'], unique=True, sqlite_where=sa.text('placed = 1'), postgresql_where=sa.text('placed = 1'))


def downgrade() -> None:
    op.drop_index('uq_offline_entry_confirmed', table_name='offline_entry')
    op.drop_index('uq_offline_entry_place', table_name='offline_entry', sqlite_where=sa.text('placed = 1'), postgresql_where=sa.text('placed = 1'))
    op.drop_index(op.f('ix_offline_entry_voucher_id'), table_name='offline_entry')
    op.drop_index(op.f('ix_offline_entry_scan_id'), table_name='offline_entry')
    op.drop_index('ix_offline_entry_open', table_name='offline_entry', sqlite_where=sa.text("status <> 'confirmed' AND closed_at IS NULL"), postgresql_where=sa.text("status <> 'confirmed' AND closed_at IS NULL"))
    op.drop_table('offline_entry')
    op.drop_table('device_lease_value')
    op.drop_index('uq_shift_open', table_name='shift', sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))
    op.drop_table('shift')
    op.drop_index(op.f('ix_device_lease_device_id'), table_name='device_lease')
    op.drop_table('device_lease')
    op.drop_table('device_invitation')
    op.drop_table('staff_pin')
    op.drop_index(op.f('ix_device_branch_id'), table_name='device')
    op.drop_table('device')
