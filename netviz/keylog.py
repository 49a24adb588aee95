"""A KeyLog: the secrets of TLS connections, as applications write them for people who debug.

https://www.rfc-editor.org/rfc/rfc9850 (also known as the NSS format, or by SSLKEYLOGFILE)

Each line names a kind of secret, the client random of the connection (for old RSA lines a piece of a message), and the secret.
Secrets are held here and in the decoders, in memory only: nothing prints, formats or exports them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from netviz.errors import NetvizError
from netviz.event import CaptureProblem, Problem

__all__ = ["LABELS", "KeyLog"]

#: The kinds of secrets that open something, of TLS 1.2 and 1.3.
LABELS = frozenset({
    "CLIENT_RANDOM", "RSA", "PMS_CLIENT_RANDOM", "CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0",
})  # fmt: skip

#: Any other kind that there may be: exporters, encrypted hellos, later secrets that follow from the first.
_LABEL = re.compile(rb"[A-Z][A-Z0-9_]{2,63}")

#: The type of a Decryption Secrets Block that holds a key log ("TLSK").
_TLS = 0x544C534B

#: Bytes read of a key log, bytes of a line, and lines that are told because they are none.
_MOST, _LINE, _TOLD = 1 << 26, 4096, 20

#: Ciphertext that waits, of all connections together, for secrets that may still be written.
_WAITING = 1 << 26

_HEX = re.compile(rb"[0-9a-fA-F]+")
_READ = 1 << 20


class KeyLog:
    """Secrets by client random: of a file that may still grow, and of captures that carry some.

    ``growing`` tells that a secret which is missing may come a moment later, because the capture is happening.
    """

    __slots__ = (
        "_captures", "_done", "_found", "_full", "_lines", "_path", "_problems", "_read", "_tail", "_told", "growing",
        "waiting",
    )  # fmt: skip

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._found: dict[bytes, dict[str, bytes]] = {}
        #: Whatever lists of secrets there are, and how many of each were read.
        self._captures: list[Sequence[tuple[int, bytes]]] = []
        self._read: list[int] = []
        self._done = 0
        self._tail = b""
        self._full = False
        self._lines = 0
        self._problems: list[Problem] = []
        self._told = 0
        self.growing = False
        self.waiting = 0

    def __repr__(self) -> str:
        return f"<KeyLog of {len(self._found)} connections>"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not written anywhere")

    @property
    def empty(self) -> bool:
        """Whether nobody gave a single secret."""
        if not self._found:
            self._refresh()
        return not self._found

    @property
    def room(self) -> int:
        """How much ciphertext may still wait for secrets, of all connections together."""
        return _WAITING - self.waiting

    def require(self) -> None:
        """Raise NetvizError where the file that somebody named cannot be read."""
        assert self._path is not None
        try:
            with open(self._path, "rb"):
                return
        except OSError as error:
            hint = "netviz explain keylog tells how programs write one"
            raise NetvizError(f"cannot read the key log {self._path}: {error.strerror}", hint) from error

    def listen(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """Take also the secrets that stand in a capture: a list of blocks that its reader fills."""
        if all(blocks is not known for known in self._captures):
            self._captures.append(blocks)
            self._read.append(0)

    def secret(self, random: bytes, *labels: str) -> bytes | None:
        """The secret of the first of these kinds that there is for a connection; None where there is none (yet)."""
        for again in (False, True):
            if again and not self._refresh():
                return None
            known = self._found.get(random)
            if known is not None:
                for label in labels:
                    if label in known:
                        return known[label]
        return None

    def knows(self, random: bytes) -> bool:
        """Whether there is any secret of this connection."""
        return random in self._found or (self._refresh() and random in self._found)

    def problems(self) -> list[CaptureProblem]:
        """Lines that are none, as far as they were not told before."""
        fresh, self._told = self._problems[self._told :], len(self._problems)
        return [CaptureProblem(packets=(), time=None, problems=(problem,)) for problem in fresh]

    def _refresh(self) -> bool:
        """Read what was added since; whether there was anything."""
        before = self._lines
        for index, blocks in enumerate(self._captures):
            while self._read[index] < len(blocks):
                kind, content = blocks[self._read[index]]
                self._read[index] += 1
                if kind == _TLS:
                    self._take(content, "the secrets in the capture")
        if self._path is not None:
            self._read_file(self._path)
        return self._lines > before

    def _read_file(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self._done:
                    self._done = 0  # somebody began a new one
                while self._done < _MOST:
                    file.seek(self._done)
                    data = file.read(_READ)
                    end = self._end(data)
                    if not end:
                        return
                    self._take(data[:end], "the key log")
                    self._done += end
        except OSError:
            return  # it may not be there yet
        if self._done >= _MOST and not self._full:
            self._full = True
            self._wrong(f"the key log is longer than {_MOST >> 20} MiB: what follows is not read")

    def _end(self, data: bytes) -> int:
        """How much of what was read to take: behind the last line end may stand half a line that is being written."""
        end = data.rfind(b"\n") + 1
        if len(data) == _READ:
            return end or len(data)
        tail, self._tail = self._tail, data[end:]
        return end if self.growing and tail != data[end:] else len(data)

    def _take(self, data: bytes, where: str) -> None:
        for raw in data.splitlines():
            self._lines += 1
            line = raw.strip()
            if not line or line.startswith(b"#"):
                continue
            found = _line(line)
            if found is None:
                self._wrong(f"line {self._lines} of {where} is none that a key log has: {_what_is_wrong(line)}")
            elif found[0] in LABELS:
                self._found.setdefault(found[1], {})[found[0]] = found[2]

    def _wrong(self, text: str) -> None:
        if len(self._problems) < _TOLD:
            self._problems.append(Problem("keylog-line", text, 0))


def _line(line: bytes) -> tuple[str, bytes, bytes] | None:
    """The label, client random and secret of a line; None where it is none."""
    parts = line.split()
    if len(parts) != 3 or len(line) > _LINE:
        return None
    if not _LABEL.fullmatch(parts[0]) or not all(_HEX.fullmatch(part) and len(part) % 2 == 0 for part in parts[1:]):
        return None
    label = parts[0].decode()
    name, secret = bytes.fromhex(parts[1].decode()), bytes.fromhex(parts[2].decode())
    if label not in LABELS:
        return label, name, secret
    if len(name) != (8 if label == "RSA" else 32):
        return None
    fits = len(secret) in (32, 48) if "TRAFFIC" in label else len(secret) == 48 or label == "PMS_CLIENT_RANDOM"
    return (label, name, secret) if fits else None


def _what_is_wrong(line: bytes) -> str:
    """In words that repeat nothing of the line: it may be a secret."""
    parts = line.split()
    if not _LABEL.fullmatch(parts[0]):
        return "it begins with no label"
    if len(parts) != 3:
        return "it has not the three parts label, client random, secret"
    if not all(_HEX.fullmatch(part) for part in parts[1:]):
        return "what stands behind the label is not hexadecimal"
    return "its client random or its secret has a length that cannot be: perhaps it was cut"
