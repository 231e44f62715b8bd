"""The door partners call back through."""
