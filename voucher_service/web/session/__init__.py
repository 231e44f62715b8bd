"""Signing in and out, the own password, and the front page that leads each role to its door."""
