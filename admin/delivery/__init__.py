"""Deliveries that need a person, and differences with partners."""
