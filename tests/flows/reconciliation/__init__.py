"""Statements, matching and breaks."""
