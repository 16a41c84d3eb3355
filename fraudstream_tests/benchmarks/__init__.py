"""Measurements, each a plain module: `python -m fraudstream_tests.benchmarks.<name>`."""
