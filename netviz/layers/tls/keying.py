"""From a key log and what a handshake agreed on to what protects the records of each side."""

from __future__ import annotations

from typing import Literal

from netviz.keylog import KeyLog
from netviz.layers.tls.hello import ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, ClientHello, ServerHello
from netviz.layers.tls.protection import Protection, protection12, protection13
from netviz.layers.tls.schedule import SECRETS, key_block, master_secret
from netviz.layers.tls.suite import Suite, suite

__all__ = ["TLS12", "TLS13", "Keying", "Stage"]

#: What keys are for.
Stage = Literal["early", "handshake", "application", "legacy"]

TLS12, TLS13 = 0x0303, 0x0304

#: Secrets of TLS 1.3 by stage and side.
_STAGES = {
    "early": ("CLIENT_EARLY_TRAFFIC_SECRET", ""),
    "handshake": ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
    "application": ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"),
}

#: Bytes of messages kept, from which an extended master secret follows where a log has only what came before it.
_TRANSCRIPT = 1 << 19


class Keying:
    """The keys of one connection, as far as its key log has them; ``cut`` where a secret has not the length it must have.

    ``early`` tells that the client sent data before the server answered.
    """

    __slots__ = ("_block", "_encrypted", "_hello", "_keylog", "_made", "_transcript", "cut", "early", "server")

    def __init__(self, keylog: KeyLog, hello: ClientHello) -> None:
        self._keylog = keylog
        self._hello = hello
        self.server: ServerHello | None = None
        self.cut = self.early = False
        self._block: tuple[tuple[bytes, bytes, bytes], ...] | None = None
        #: What was made before it was due, and not used yet.
        self._made: dict[tuple[Stage, int], Protection] = {}
        #: What the client encrypted for a server with an RSA key: old logs name a connection by its beginning.
        self._encrypted = b""
        self._transcript: list[bytes] = []

    def note(self, raw: bytes, encrypted: bytes = b"") -> None:
        """A message of a handshake of TLS 1.2 up to the ClientKeyExchange, which may hold an ``encrypted`` secret."""
        if sum(map(len, self._transcript)) + len(raw) <= _TRANSCRIPT:
            self._transcript.append(raw)
        self._encrypted = encrypted or self._encrypted

    @property
    def known(self) -> bool:
        """Whether there is any secret of this connection."""
        return self._keylog.knows(self._hello.random) or bool(self._premaster())

    @property
    def usable(self) -> bool:
        """Whether netviz decrypts what was agreed on, given keys."""
        server = self.server
        if server is None or suite(server.suite) is None or server.compression:
            return False
        return server.version == (TLS13 if server.suite >> 8 == 0x13 else TLS12)

    @property
    def modern(self) -> bool:
        """Whether the server chose TLS 1.3."""
        return self.server is not None and self.server.version == TLS13

    def protection(self, stage: Stage, side: int) -> Protection | None:
        """What protects the records of a side in this stage; None where there is no key."""
        if stage == "legacy":
            return self._legacy(side)
        known = self._made.get((stage, side))
        if known is not None and not known.seq:
            return known
        secret = self._keylog.secret(self._hello.random, _STAGES[stage][side])
        if secret is None:
            return None
        # Also that of early data: a server that accepts it must choose the suite of before (RFC 8446 section 4.2.10).
        chosen = self._suite()
        if chosen is None:
            return None
        if len(secret) != SECRETS[chosen.digest]:
            self.cut = True
            return None
        made = self._made[stage, side] = protection13(secret, chosen)
        return made

    def _legacy(self, side: int) -> Protection | None:
        """That of TLS 1.2."""
        chosen, server = self._suite(), self.server
        if chosen is None or server is None:
            return None
        if self._block is None:
            randoms = self._hello.random, server.random
            master = self._keylog.secret(self._hello.random, "CLIENT_RANDOM")
            if master is None and (premaster := self._premaster()) is not None:
                extended = EXTENDED_MASTER_SECRET in server.extensions
                master = master_secret(premaster, randoms, chosen.digest, b"".join(self._transcript) if extended else None)
            if master is None:
                return None
            self._block = key_block(master, randoms, chosen)
        return protection12(self._block[side], chosen, encrypt_then_mac=ENCRYPT_THEN_MAC in server.extensions)

    def _premaster(self) -> bytes | None:
        if (found := self._keylog.secret(self._hello.random, "PMS_CLIENT_RANDOM")) is not None:
            return found
        return self._keylog.secret(self._encrypted[:8], "RSA") if self._encrypted else None

    def _suite(self) -> Suite | None:
        return suite(self.server.suite) if self.server is not None and self.usable else None
