"""Breaks as work: who has one in hand, what both sides wrote, what was booked, and what is left to do."""
