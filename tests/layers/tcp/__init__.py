"""Tests of TCP."""
