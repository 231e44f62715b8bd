"""Closing a month with a partner: the agreed statement, approved on both sides, after which nothing in it moves."""
