"""Whole flows through the features, on both databases."""
