"""Delivery of top-ups: the order outbox, the provider protocol, attempts and code stock."""
