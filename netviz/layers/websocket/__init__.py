"""WebSocket: frames, messages, and the conversation that they make."""
