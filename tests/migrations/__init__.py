"""Every step of the schema, up and down, with data in it."""
