"""The coordination door: the back office of the programme."""
