"""Tests of WebSocket."""
