"""What lies on the shelves: codes, SIM cards, handsets, seats; transfers between branches and stock-takes."""
