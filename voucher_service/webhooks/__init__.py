"""Webhooks out: what happened is told to partners' programs, signed, from an outbox of rows; never a person's data."""
