"""Gifts: partners and their agreements, allocations, stock of codes."""
