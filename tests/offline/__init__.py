"""Acceptances without a network, through the real doors and features."""
