"""What a partner and an auditor ask of the books: which gift paid for which vouchers, and proofs of it."""
