"""Tests of netviz.event."""
