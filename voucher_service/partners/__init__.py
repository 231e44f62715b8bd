"""Telecom partners, their agreements, allocations, offers and campaigns with dated policy."""
