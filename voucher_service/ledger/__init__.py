"""Whole units, one source and one destination: books, accounts, transfers, balances and the independent audit."""
