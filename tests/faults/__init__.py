"""What must hold when things go wrong or arrive all at once."""
