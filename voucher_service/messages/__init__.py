"""Messages to people: an outbox of rows, templates without names, the encoding of an SMS, gateways by protocol."""
