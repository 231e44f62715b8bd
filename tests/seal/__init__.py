"""The sealed log: leaves, proofs, checkpoints, and every way to tamper with them."""
