"""The public address of the sealed log: the newest checkpoint, the key, the verifier. Open to everyone."""
