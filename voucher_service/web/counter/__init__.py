"""The counter's door: scan, visit, top-up; its pages, and the JSON its own page speaks."""
