"""Verdicts: rules that go from evidence to what was seen, what it means, what is likely, and what to try."""
