"""Closing a month with a partner."""
