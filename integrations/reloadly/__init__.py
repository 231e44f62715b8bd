"""Reloadly: top-ups of 700 operators. OAuth2 client credentials, one reference of ours, a report to look it up in."""
