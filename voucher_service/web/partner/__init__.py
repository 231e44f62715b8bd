"""The partner's door: what became of each gift, statements, and each difference in words. Never a name."""
