"""The end of a gift: its calendar from thirty days before to thirty-seven after, and what leaves it, by two people."""
