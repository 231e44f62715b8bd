"""Orders on their way to people: through partners, crashes and time."""
