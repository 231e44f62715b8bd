"""The counter's devices, and what they accepted without a network that a person has to settle."""
