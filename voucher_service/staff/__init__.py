"""Branches, staff, roles and sign-in."""
