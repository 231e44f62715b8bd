"""What must hold when many act at once."""
