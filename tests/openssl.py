"""What Python's ssl cannot do, asked of the same libssl: early data, KeyUpdate, padding, suites of TLS 1.3 by name."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path
from typing import Any

from tests.tls import HOST, certificate
from tests.wire import ACK, CLIENT, PSH, SERVER, Wire

__all__ = ["End", "Pair", "available"]

_TLS13, _MEGABYTE = 0x0304, 1 << 20

#: Numbers of SSL_CTX_ctrl and its like.
_MIN, _MAX, _BIO_PENDING, _SET_HOST = 123, 124, 10, 55
_KEY_LOGGED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_SESSION_NEW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


@cache
def _library() -> Any:
    name = ctypes.util.find_library("ssl")
    if name is None:
        return None
    try:
        library = ctypes.CDLL(name)
        library.SSL_CTX_set_keylog_callback  # noqa: B018 - asks whether it is there
    except (OSError, AttributeError):
        return None
    for function in ("TLS_method", "SSL_CTX_new", "SSL_new", "BIO_new", "BIO_s_mem", "SSL_get1_session"):
        getattr(library, function).restype = ctypes.c_void_p
    return library


def available() -> bool:
    """Whether there is a libssl to ask."""
    return _library() is not None


def _p(value: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(value)


class Pair:
    """Contexts of a client and a server of TLS 1.3; the client writes a key log."""

    def __init__(self, keys: Path, suites: str = "", *, early: bool = False, padding: int = 0) -> None:
        lib = _library()
        self._write = _KEY_LOGGED(lambda _, line: self._log(keys, line))
        self._sessions: list[int] = []
        self._new = _SESSION_NEW(lambda _, session: self._keep(session))
        self.contexts = [lib.SSL_CTX_new(_p(lib.TLS_method())) for _ in range(2)]
        for context in self.contexts:
            for which in (_MIN, _MAX):
                lib.SSL_CTX_ctrl(_p(context), which, _TLS13, None)
            if suites:
                assert lib.SSL_CTX_set_ciphersuites(_p(context), suites.encode()) == 1
            if padding:
                lib.SSL_CTX_set_block_padding(_p(context), ctypes.c_size_t(padding))
        pem = certificate("RSA").encode()
        assert lib.SSL_CTX_use_certificate_file(_p(self.contexts[1]), pem, 1) == 1
        assert lib.SSL_CTX_use_PrivateKey_file(_p(self.contexts[1]), pem, 1) == 1
        lib.SSL_CTX_set_keylog_callback(_p(self.contexts[0]), self._write)
        lib.SSL_CTX_ctrl(_p(self.contexts[0]), 44, 0x0101, None)  # SSL_CTX_set_session_cache_mode: client, no internal store
        lib.SSL_CTX_sess_set_new_cb(_p(self.contexts[0]), self._new)
        if early:
            lib.SSL_CTX_set_max_early_data(_p(self.contexts[1]), ctypes.c_uint32(_MEGABYTE))

    @property
    def session(self) -> int:
        """The newest session that the server gave a ticket for."""
        return self._sessions[-1]

    def _keep(self, session: int) -> int:
        self._sessions.append(session)
        return 1

    @staticmethod
    def _log(keys: Path, line: bytes) -> None:
        with keys.open("ab") as file:
            file.write(line + b"\n")

    def connect(self, wire: Wire, session: int | None = None) -> tuple[End, End]:
        """Both ends of a new connection; the wire is open."""
        ends = End(self.contexts[0], wire, CLIENT), End(self.contexts[1], wire, SERVER)
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        ends[0].pair = self  # libssl calls back as long as there is a connection
        if session is not None:
            assert _library().SSL_set_session(_p(ends[0].ssl), _p(session)) == 1
        return ends


class End:
    """One end of a connection."""

    peer: End
    pair: Pair

    def __init__(self, context: int, wire: Wire, side: int) -> None:
        lib = _library()
        self.ssl = lib.SSL_new(_p(context))
        self._in, self._out = (lib.BIO_new(_p(lib.BIO_s_mem())) for _ in range(2))
        lib.SSL_set_bio(_p(self.ssl), _p(self._in), _p(self._out))
        self._wire, self._side = wire, side
        if side == CLIENT:
            lib.SSL_set_connect_state(_p(self.ssl))
            lib.SSL_ctrl(_p(self.ssl), _SET_HOST, 0, HOST.encode())
        else:
            lib.SSL_set_accept_state(_p(self.ssl))

    def shake(self) -> bool:
        """Go on with the handshake; whether it is done."""
        done = bool(_library().SSL_do_handshake(_p(self.ssl)) == 1)
        self.flush()
        return done

    def flush(self, size: int = 1400) -> None:
        """Put on the wire what waits to be sent."""
        lib = _library()
        waiting = lib.BIO_ctrl(_p(self._out), _BIO_PENDING, 0, None)
        if waiting <= 0:
            return
        buffer = ctypes.create_string_buffer(waiting)
        lib.BIO_read(_p(self._out), buffer, waiting)
        for at in range(0, waiting, size):
            self._wire.send(self._side, PSH | ACK, buffer.raw[at : at + size])
        lib.BIO_write(_p(self.peer._in), buffer, waiting)

    def write(self, data: bytes) -> None:
        """Send, and have the other end read."""
        assert _library().SSL_write(_p(self.ssl), data, len(data)) == len(data)
        self.flush()
        heard = b""
        while len(heard) < len(data):
            heard += self.peer.read()
        assert heard == data

    def read(self) -> bytes:
        """What is there."""
        buffer = ctypes.create_string_buffer(1 << 17)
        got = _library().SSL_read(_p(self.ssl), buffer, len(buffer))
        return buffer.raw[: max(got, 0)]

    def early(self, data: bytes) -> None:
        """Send before the server has answered."""
        written = ctypes.c_size_t()
        assert _library().SSL_write_early_data(_p(self.ssl), data, ctypes.c_size_t(len(data)), ctypes.byref(written)) == 1
        self.flush()

    def take_early(self) -> bytes:
        """Read what was sent before the answer; empty where it is refused."""
        buffer, got = ctypes.create_string_buffer(1 << 17), ctypes.c_size_t()
        found = b""
        for _ in range(10):
            answer = _library().SSL_read_early_data(_p(self.ssl), buffer, ctypes.c_size_t(len(buffer)), ctypes.byref(got))
            self.flush()
            if answer != 1:  # an error (nothing more is there yet), or the end
                break
            found += buffer.raw[: got.value]
        return found

    def update(self, *, ask: bool = False) -> None:
        """New keys for what this end sends."""
        assert _library().SSL_key_update(_p(self.ssl), int(ask)) == 1

    def close(self) -> None:
        """Send close_notify."""
        _library().SSL_shutdown(_p(self.ssl))
        self.flush()
