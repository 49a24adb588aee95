"""What a capture says besides its packets: how it was written, by whom, names, drops, comments, decryption secrets."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Interface", "Metadata", "Section", "options"]

_COMMENT = 1
_END = 0

#: No more than so many bytes of comments, names or secrets are kept.
_KEPT = 1 << 22


@dataclass(slots=True)
class Section:
    """How packets were written: the header of a pcap file, or a Section Header Block.

    ``order`` is the byte order as `struct` writes it; ``file`` the name of the file it stands in.
    """

    file: str
    format: Literal["pcap", "pcapng"]
    order: str
    version: tuple[int, int]
    hardware: str = ""
    system: str = ""
    program: str = ""


@dataclass(slots=True)
class Interface:
    """An Interface Description Block, or what the header of a pcap file says of all its packets: link type, snapshot
    length, and how its timestamps count.

    ``resolution`` is the if_tsresol byte (a power of ten, or of two where its top bit is set), ``offset`` seconds.
    ``packets`` counts those that were read, ``statistics`` is what the last Interface Statistics Block says.
    """

    link: int
    snaplen: int
    name: str = ""
    resolution: int = 6
    offset: int = 0
    description: str = ""
    filter: str = ""
    packets: int = 0
    statistics: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Metadata:
    """Everything kept, over all sections of all files; ``file`` is the name of the one being read.

    ``packed`` says of compressed files what they are compressed with, and how many bytes came out of them so far.
    """

    file: str = ""
    sections: list[Section] = field(default_factory=list)
    packed: dict[str, tuple[str, int]] = field(default_factory=dict)
    interfaces: list[Interface] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    packet_comments: dict[int, str] = field(default_factory=dict)
    statistics: list[dict[str, int]] = field(default_factory=list)
    secrets: list[tuple[int, bytes]] = field(default_factory=list)
    room: int = _KEPT

    def _keep(self, size: int) -> bool:
        self.room -= size + 64
        return self.room > 0

    def classic(self, order: str, version: tuple[int, int], interface: Interface) -> None:
        """The header of a pcap file."""
        if self._keep(128):
            self.sections.append(Section(self.file, "pcap", order, version))
            self.interfaces.append(interface)

    def section(self, order: str, body: bytes) -> None:
        """A Section Header Block: who wrote it, and its comments."""
        made = Section(self.file, "pcapng", order, struct.unpack_from(order + "HH", body.ljust(8, b"\0"), 4))
        for code, value in options(order, body, 16):
            if not self._keep(len(value)):
                continue
            text = value.decode("utf-8", "replace")
            if code == _COMMENT:
                self.comments.append(text)
            elif code == 2:
                made.hardware = text
            elif code == 3:
                made.system = text
            elif code == 4:
                made.program = text
        if self._keep(64):
            self.sections.append(made)

    def interface(self, order: str, body: bytes) -> Interface:
        """An Interface Description Block."""
        link, _, snaplen = struct.unpack_from(order + "HHI", body.ljust(8, b"\0"))
        made = Interface(link, snaplen)
        for code, value in options(order, body, 8):
            if code == _COMMENT and self._keep(len(value)):
                self.comments.append(value.decode("utf-8", "replace"))
            elif code == 2:
                made.name = value.decode("utf-8", "replace")
            elif code == 3 and self._keep(len(value)):
                made.description = value.decode("utf-8", "replace")
            elif code == 11 and value[:1] == b"\0" and self._keep(len(value)):
                # The first byte says how the filter is written: 0 is the language of libpcap.
                made.filter = value[1:].decode("utf-8", "replace")
            elif code == 9 and value:
                made.resolution = value[0]
            elif code == 14 and len(value) == 8:
                (made.offset,) = struct.unpack(order + "q", value)
        if self._keep(64):
            self.interfaces.append(made)
        return made

    def resolved(self, order: str, body: bytes) -> None:
        """A Name Resolution Block: addresses and the first name of each."""
        from netviz.address import address_text

        at = 0
        while at + 4 <= len(body):
            kind, size = struct.unpack_from(order + "HH", body, at)
            value = body[at + 4 : at + 4 + size]
            width = {1: 4, 2: 16}.get(kind, 0)
            if width and len(value) > width and self._keep(len(value)):
                name = value[width:].split(b"\0")[0].decode("utf-8", "replace")
                self.names.setdefault(address_text(value[:width]), name)
            if kind == _END:
                break
            at += 4 + size + -size % 4

    def counted(self, order: str, body: bytes, interfaces: Sequence[Interface] = ()) -> None:
        """An Interface Statistics Block: packets received, and dropped by the interface, the filter, the system."""
        names = {4: "received", 5: "dropped_by_interface", 6: "accepted", 7: "dropped_by_system", 8: "delivered"}
        found: dict[str, int] = {}
        if len(body) >= 4:
            (found["interface"],) = struct.unpack_from(order + "I", body)
        for code, value in options(order, body, 12):
            if code in names and len(value) == 8:
                (found[names[code]],) = struct.unpack(order + "Q", value)
        if self._keep(128):
            self.statistics.append(found)
        if 0 <= found.get("interface", -1) < len(interfaces):
            interfaces[found["interface"]].statistics = found

    def secret(self, order: str, body: bytes) -> None:
        """A Decryption Secrets Block: its type (0x544c534b is a TLS key log) and content."""
        if len(body) < 8:
            return
        kind, size = struct.unpack_from(order + "II", body)
        content = body[8 : 8 + size]
        if self._keep(len(content)):
            self.secrets.append((kind, content))

    def packet_comment(self, order: str, packet: int, body: bytes) -> None:
        """The options behind a packet: its first comment."""
        for code, value in options(order, body, 0):
            if code == _COMMENT and self._keep(len(value)):
                self.packet_comments.setdefault(packet, value.decode("utf-8", "replace"))


def options(order: str, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The options of a block from byte ``at`` on, as far as they are whole."""
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == _END or at + 4 + size > len(body):
            return
        yield code, body[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
