"""People and their visits."""
