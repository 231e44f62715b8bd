"""One file a step, numbered, linear."""
