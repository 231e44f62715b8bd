"""Features against real databases."""
