"""The partners' API asked what its description allows, and much that it does not, by everyone who may try."""
