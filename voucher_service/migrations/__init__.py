"""Numbered, linear schema migrations (Alembic)."""
