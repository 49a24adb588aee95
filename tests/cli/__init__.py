"""Tests of netviz.cli."""
