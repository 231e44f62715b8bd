"""The coordination's door: one module a room, gathered in `blueprint.py`. Views only; the rules are features."""
