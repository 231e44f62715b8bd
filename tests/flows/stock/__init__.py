"""SIM cards, handsets and seats: received, given, sent, counted."""
