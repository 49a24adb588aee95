"""Tests of headers field by field."""
