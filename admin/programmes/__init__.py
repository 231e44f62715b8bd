"""Programmes: offers and their terms, campaigns and their rules."""
