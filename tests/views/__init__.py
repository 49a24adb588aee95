"""Tests of netviz.views."""
