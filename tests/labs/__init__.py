"""Tests of netviz.labs."""
