"""One module per partner, behind the provider protocol."""
