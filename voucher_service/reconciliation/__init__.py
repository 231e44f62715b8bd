"""Partner statements, matching and breaks."""
