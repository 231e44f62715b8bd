"""Messages to people: outbox and templates (room kept; nothing is sent yet)."""
