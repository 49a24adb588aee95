"""Tests of netviz."""
