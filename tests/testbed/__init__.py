"""The test bed is tested too: servers, fixtures, browser and commands."""
