"""The third leg: what the partner says is left of each gift, held against the books; and the tolerance agreed on."""
