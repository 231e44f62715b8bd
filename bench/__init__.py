"""Side-by-side benchmarks: ratios in one run, never timed tests."""
