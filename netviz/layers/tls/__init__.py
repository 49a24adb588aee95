"""TLS, file by file: record, hello, certificate, handshake, suite, schedule, protection, direction, conversation."""
