"""How partners' statements come in: reader profiles in versions, numbers in sequence, corrections, listed records."""
