"""Vouchers, one by one and in batches, with the story of each."""
