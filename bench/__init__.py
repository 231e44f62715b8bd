"""Side-by-side benchmarks: never timed tests."""
