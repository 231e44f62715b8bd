"""The books: whole units, one source and one destination, nothing rewritten, an independent audit."""
