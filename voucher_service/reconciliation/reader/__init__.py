"""A partner's CSV file into canonical lines: bytes, rows, header, values, words. Imports no tables."""
