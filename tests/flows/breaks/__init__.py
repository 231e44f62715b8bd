"""Breaks as work."""
