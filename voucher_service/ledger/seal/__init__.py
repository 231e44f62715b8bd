"""The sealed log: each transfer is a leaf of an RFC 6962 tree, and signed checkpoints leave the house."""
