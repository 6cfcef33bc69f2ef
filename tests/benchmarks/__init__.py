"""Side-by-side benchmarks: ``python -m tests.benchmarks`` prints their tables."""
