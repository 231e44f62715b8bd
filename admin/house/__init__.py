"""The house itself: today, the team, branches, thresholds, the books."""
