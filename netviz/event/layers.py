"""One packet as nested layers, from the wire up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netviz.event.base import Field, Happening, Side

__all__ = ["Dissection", "PacketLayer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketLayer:
    """A layer of a packet: the bytes that are its own (a header, or at the top the payload), and what they say.

    ``key`` is the word that asks for it, ``osi`` the number of its layer; ``start`` and ``end`` are where its captured
    bytes lie in the packet, ``size`` is how many there were on the wire; ``depth`` is how many layers with the same number
    lie around it.  ``facts`` are what tells most, in words; ``note`` says where it does not fit the seven layers, or that
    nothing plays this role; ``inside`` is what it carries for somebody to read (unmasked, inflated), where that differs
    from its bytes: fields then count from its first byte.  ``by`` names who decoded it.
    """

    key: str
    name: str
    osi: int
    start: int
    end: int
    size: int
    fields: tuple[Field, ...] = ()
    facts: tuple[str, ...] = ()
    note: str = ""
    inside: bytes | None = None
    useful: bool = False
    depth: int = 0
    by: str = "netviz"

    def field(self, name: str) -> Field | None:
        """The first field of this name."""
        return next((field for field in self.fields if field.name == name), None)

    def value(self, name: str) -> int:
        """The value of the first field of this name, 0 where there is none."""
        found = self.field(name)
        return 0 if found is None else found.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissection(Happening):
    """A packet taken apart: ``data`` is what was captured of its ``wire`` bytes, ``layers`` stand from the wire up.

    ``origin`` is when the capture began; ``connection`` and ``side`` are those of a TCP segment; ``story`` says what
    the packet is for its connection.
    """

    name: ClassVar[str] = "packet.layers"

    number: int
    data: bytes
    wire: int
    layers: tuple[PacketLayer, ...]
    origin: int | None = None
    connection: int | None = None
    side: Side | None = None
    story: tuple[str, ...] = ()

    @property
    def useful(self) -> int:
        """How many bytes somebody above all headers wanted to send."""
        return sum(layer.size for layer in self.layers if layer.useful)
