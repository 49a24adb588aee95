"""Benchmarks: not tests, run by hand; see RESULTS.md."""
