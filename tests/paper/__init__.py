"""The counter on paper: packs, their log, and what becomes of each line."""
