"""Things of stock that someone holds in a hand, or sits on: SIM cards, handsets, seats. Each is at a branch."""
