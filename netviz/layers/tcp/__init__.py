"""TCP, RFC 9293: segments, options, the handshake, the states of both ends, the end."""
