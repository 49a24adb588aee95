"""A packet explained: for each layer what it is for, and what it says in this packet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from netviz.event import Dissection, PacketLayer
from netviz.quantity import plural
from netviz.views.hexdump import style_of
from netviz.views.layers import OSI, title
from netviz.views.text import fold, safe, wrapped

__all__ = ["lesson"]

_WIDEST = 100

#: What a cable adds to a frame that no capture shows: preamble and start 8, checksum 4, silence 12 (IEEE 802.3).
_CABLE = 24


#: What is explained once, although a packet may have many of it.
_ONCE = frozenset(("websocket", "message", "presentation", "session", "tls", "encrypted", "handshake", "engine.io",
                   "socket.io", "arguments", "attachment"))  # fmt: skip


def lesson(event: Dissection, width: int) -> Iterator[Text]:
    """All paragraphs, from the wire up."""
    width = min(width, _WIDEST)
    yield from title(event, width)
    yield Text()
    yield from _paragraph(_opening(event), width, 0)
    seen: set[str] = set()
    for layer in event.layers:
        words = _words(event, layer, layer.key in seen)
        if not words:
            continue
        seen.add(layer.key)
        yield Text()
        if layer.key == "nothing":
            yield Text("Above: nothing", "faint")
        else:
            size = f"  {plural(layer.size, 'byte')}" if layer.size else ""
            label = f"{layer.osi} {OSI[layer.osi]}"
            line = Text.assemble((label, style_of(layer)), "  ", (safe(layer.name), "title"), (size, "faint"))
            yield fold(line, width, 2)
        yield from _paragraph(words, width, 2)
    yield Text()
    yield from _paragraph(_sum(event), width, 0)


def _paragraph(words: str, width: int, indent: int) -> Iterator[Text]:
    for line in wrapped(safe(words), width - indent):
        yield Text(" " * indent + line)


def _opening(event: Dissection) -> str:
    names = [layer.name for layer in event.layers if layer.start < layer.end or layer.key == "physical"]
    return (
        f"A packet is a letter in an envelope in an envelope: {len(names) - 1} things lie one in the other here. OSI "
        "counts seven "
        "layers, from the wire (1) to the application (7). It is a way of speaking: real protocols were not made to fit "
        "it, and "
        "where one does not, that is said."
    )


def _sum(event: Dissection) -> str:
    share = 100 * event.useful / event.wire if event.wire else 0
    if not event.useful:
        return (f"Of the {event.wire:,} bytes none is for an application: this packet serves the connection, or the "
                "network, alone.")  # fmt: skip
    return (
        f"Of the {event.wire:,} bytes {event.useful:,} are what somebody wanted to say: {share:.0f} %. "
        "The headers cost the same for one byte as for a thousand, so larger messages are cheaper by the byte."
    )


def _words(event: Dissection, layer: PacketLayer, again: bool) -> str:
    if layer.key == "physical":
        return _physical(event, layer)
    tell = _TOLD.get(layer.key)
    if tell is None:
        said = "; ".join(layer.facts)
        words = f"{said}." if said else ""
        if layer.by != "netviz":
            words += f" Fields by {layer.by}: --layer {layer.key} shows them."
        return f"{words} {layer.note}".strip()
    if again and layer.key in _ONCE:
        return "; ".join(layer.facts)
    return tell(layer)


def _physical(event: Dissection, layer: PacketLayer) -> str:
    when = "" if event.time is not None else " This file does not even say when."
    cable = ""
    if any(one.key == "ethernet" and (one.value("source") or one.value("destination")) for one in event.layers):
        cable = (f" On a cable {_CABLE} bytes more belong to it: a preamble, a checksum, and a silence, "
                 "which the adapter keeps to itself.")  # fmt: skip
    return (
        f"Cable, fibre or radio: {'; '.join(layer.facts)}. A capture is written where the adapter hands its bytes to the "
        "system, "
        f"so nothing of this layer is in it but that they came, and when.{when}{cable}"
    )


def _ethernet(layer: PacketLayer) -> str:
    source, target = layer.field("source"), layer.field("destination")
    words = ("Ethernet carries a packet to the next machine on the same link, and no further: every router takes this "
             "header off and writes a new one. ")  # fmt: skip
    if source is None or target is None:
        return words
    if not source.value and not target.value:
        words += "Both addresses are zero here: the packet never left its machine (loopback), where nobody needs one. "
    else:
        words += f"It goes to {target.text} ({target.meaning}), from {source.text}. "
    kind = layer.field("EtherType")
    return words + (f"The EtherType {kind.text} says what lies inside: {kind.meaning}." if kind is not None else "")


def _vlan(layer: PacketLayer) -> str:
    return (f"A tag of four bytes that a switch puts in: this frame belongs to virtual network {layer.value('VLAN')}, so "
            "one cable "
            "can carry several networks that do not see each other. It is still the data link layer.")  # fmt: skip


def _cooked(layer: PacketLayer) -> str:
    return ("Recorded on all interfaces at once, so Linux writes a header of its own in place of the real ones: "
            f"{'; '.join(layer.facts)}. "
            "Nothing of it was on any wire.")  # fmt: skip


def _loopback(_: PacketLayer) -> str:
    return ("BSD and macOS put four bytes in front of a loopback packet: a number for IPv4 or IPv6. It was on no wire; "
            "the link is memory.")  # fmt: skip


def _ip(layer: PacketLayer) -> str:
    source, target = layer.field("source"), layer.field("destination")
    if source is None or target is None:
        return "An IP header that is cut: where from and where to is not in the capture."
    hops = layer.field("TTL") or layer.field("hop limit")
    words = (
        f"IP carries a packet from machine to machine over any number of links: from {source.text} to {target.text} "
        f"({target.meaning}). It promises nothing: packets may be lost, doubled, or overtake each other. "
    )
    if hops is not None:
        words += (f"{hops.name} {hops.value}: every router takes one off, and at 0 the packet dies, so that none goes "
                  "round for ever "
                  f"({hops.meaning}). ")  # fmt: skip
    kind = layer.field("protocol") or layer.field("next header")
    if kind is not None:
        words += f"Protocol {kind.value}: {kind.meaning}. "
    if layer.key == "ipv4" and layer.value("MF") + layer.value("fragment offset"):
        words += "It is a fragment: the packet was too big for a link and was cut; only the receiver puts it together."
    if layer.key == "ipv6":
        words += "IPv6 has no checksum and no fragments in this header: that is left to the layers above and to the ends."
    return words.strip()


def _extension(layer: PacketLayer) -> str:
    return (f"An IPv6 extension header between IP and what it carries: {'; '.join(layer.facts)}. Routers pass most of "
            "these on unread.")  # fmt: skip


def _tcp(layer: PacketLayer) -> str:
    words = (
        "TCP makes of IP's unreliable packets a stream of bytes in order, between two programs. "
        f"The ports name them: {layer.value('source port')} sends, {layer.value('destination port')} receives. "
    )
    seq, ack = layer.field("sequence number"), layer.field("acknowledgment number")
    if layer.value("SYN"):
        words += ("SYN: counting begins at " + (str(seq.value) if seq else "?") + ", a number made up so that nobody "
                  "can guess it. "
                  "SYN itself takes one number. ")  # fmt: skip
    elif seq is not None:
        words += f"Every byte has a number: {seq.meaning or seq.value}. "
    if layer.value("ACK") and ack is not None:
        words += f"ACK: {ack.meaning or ack.value}. "
    for flag, said in (
        ("PSH", "PSH: hand it to the program at once. "), ("FIN", "FIN: nothing more will come from this side. "),
        ("RST", "RST: the connection is thrown away; whatever was under way is lost. "),
    ):  # fmt: skip
        words += said * layer.value(flag)
    window = layer.field("window")
    if window is not None:
        words += f"Window {window.value}: {window.meaning}; more than that may not be under way. "
    if (mss := layer.field("largest segment")) is not None:
        words += f"Its options are an offer: segments of at most {mss.value:,} bytes"
        shift = layer.field("shift")
        words += f", windows counted in units of {1 << min(shift.value, 14):,}. " if shift is not None else ". "
    return words + "OSI would put the beginning and end of a connection into session (5); TCP does both itself."


def _udp(layer: PacketLayer) -> str:
    return (f"UDP adds ports and a checksum to IP, and nothing else: {layer.value('source port')} to "
            f"{layer.value('destination port')}. No handshake, no order, no second try: who wants that does it "
            "above.")  # fmt: skip


def _icmp(layer: PacketLayer) -> str:
    return (f"ICMP is how the network talks about itself: {'; '.join(layer.facts)}. It travels inside IP like TCP does, "
            "but serves IP: so it counts as network (3), not transport.")  # fmt: skip


def _session(layer: PacketLayer) -> str:
    return (f"A session is a dialogue that outlives single messages. HTTP has none; this exchange sets one up: "
            f"{'; '.join(layer.facts)}. Strange for OSI: an application protocol (7) builds the session (5) below "
            "itself.")  # fmt: skip


def _websocket(layer: PacketLayer) -> str:
    return (
        "A WebSocket is a dialogue on top of TCP: TCP gives a stream without borders, the frame header says where a "
        "message begins "
        f"and ends. Here: {'; '.join(layer.facts)}. This is the nearest thing to session (5); RFC 6455 does not use that word. "
        "A session of Socket.IO, where there is one, would be a second one on top."
    )


def _presentation(layer: PacketLayer) -> str:
    words = f"What was done to the bytes so that they could travel: {'; '.join(layer.facts)}. "
    if "mask" in layer.name:
        words += ("Clients must mask so that no proxy mistakes chosen bytes for HTTP; it hides nothing, as the key "
                  "stands in the "
                  "frame. ")  # fmt: skip
    if "deflate" in layer.name:
        words += "Compression was agreed on in the upgrade; it remembers earlier messages unless told otherwise. "
    return words + "OSI calls this presentation (6). It has no header: other layers carry its traces."


def _message(layer: PacketLayer) -> str:
    facts = f": {'; '.join(layer.facts)}" if layer.facts else ""
    return (f"What a program wanted to say to another, {plural(layer.size, 'byte')} of it in this packet{facts}. "
            "netviz stops here; only the two programs know what it means.")  # fmt: skip


def _engineio(layer: PacketLayer) -> str:
    return ("Engine.IO brings messages from one program to another by whatever gets through, HTTP requests or a WebSocket, "
            f"and watches whether the other end lives: {'; '.join(layer.facts)}. Its header is one character before the "
            "message. It keeps a session, which OSI would put at 5, but travels inside an application protocol.")  # fmt: skip


def _socketio(layer: PacketLayer) -> str:
    return ("Socket.IO is to WebSocket as GitHub is to Git: it adds names. An event has one, so that socket.emit() on one "
            "side calls socket.on() on the other; a namespace has one; an ack id asks for an answer. Here: "
            f"{'; '.join(layer.facts)}. All of it is text in front of the JSON; a plain WebSocket client that does not know "
            "it sees only odd digits.")  # fmt: skip


def _arguments(layer: PacketLayer) -> str:
    return (f"What socket.emit() was called with, or what an ack brought back: {plural(layer.size, 'byte')} of JSON, the "
            "event’s name first.")  # fmt: skip


def _attachment(layer: PacketLayer) -> str:
    return (f"Binary data does not fit into JSON, so it travels in a message of its own: {'; '.join(layer.facts)}. In the JSON "
            "a placeholder stands for it.")  # fmt: skip


def _http(layer: PacketLayer) -> str:
    lines = len(layer.fields)
    return (f"HTTP/1.1 is text: {'; '.join(layer.facts)}. {plural(lines, 'line')}, each a name and a value, and an empty "
            "line at the end. "
            "All of it is header: as much again for every request.")  # fmt: skip


def _body(layer: PacketLayer) -> str:
    return f"What HTTP carries: {plural(layer.size, 'byte')} in this packet ({'; '.join(layer.facts)})."


def _tls(layer: PacketLayer) -> str:
    return (f"TLS cuts the stream into records and encrypts them: {'; '.join(layer.facts)}. Encryption is presentation "
            "(6), its handshake is "
            "session (5), and both sit right on TCP (4): the seven layers have no place for it.")  # fmt: skip


def _nothing(layer: PacketLayer) -> str:
    return f"{layer.note[:1].upper()}{layer.note[1:]}."


_TOLD: dict[str, Callable[[PacketLayer], str]] = {
    "ethernet": _ethernet, "vlan": _vlan, "sll": _cooked, "sll2": _cooked, "loopback": _loopback,
    "ipv4": _ip, "ipv6": _ip, "hop-by-hop": _extension, "routing": _extension, "fragment": _extension, "tcp": _tcp, "udp": _udp,
    "icmp": _icmp, "icmpv6": _icmp, "session": _session, "websocket": _websocket, "presentation": _presentation,
    "message": _message, "engine.io": _engineio, "socket.io": _socketio, "arguments": _arguments, "attachment": _attachment,
    "http": _http, "body": _body, "tls": _tls, "nothing": _nothing,
}  # fmt: skip
