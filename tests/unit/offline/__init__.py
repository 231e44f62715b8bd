"""The pure parts of offline acceptance: bytes, rules, bitstrings."""
