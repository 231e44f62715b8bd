"""A real Chromium for the tests: find it, drive it, give it a camera film."""
