"""The partner's door."""
