"""The door of partners' programs: `/api/v1`, JSON, a key in a header, never a person's data."""
