"""Messages: encoding, outbox, gateways."""
