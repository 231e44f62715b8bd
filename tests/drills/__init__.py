"""Long campaigns of deliveries; a small share of each runs in the tests."""
