"""What a connection costs before its first message: the rungs of TLS and the upgrade, and the sum of all waiting."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from netviz.event import Flight, Prologue, TcpConnection, TlsHandshake, WebSocketUpgrade
from netviz.quantity import plural, span
from netviz.views.ladder import Inside
from netviz.views.text import safe

__all__ = ["cost_table", "inside"]

#: The widest bar, in cells, and the longest text of a first line that stands on a rung.
_BAR, _PATH = 24, 40

#: What the table takes beside the bar.
_WORDS = 53


def inside(prologue: Prologue) -> list[Inside]:
    """The rungs that the ladder gains: each flight of TLS, the request and its answer."""
    rungs = []
    tls, upgrade = prologue.tls, prologue.upgrade
    if tls is not None:
        for place, flight in enumerate(tls.flights):
            if flight.packets:
                side = int(flight.side == "server")
                packets = flight.packets
                rungs.append(Inside(packets[-1], len(packets), flight.time, side, _labels(flight), _says(tls, place)))
    if upgrade is not None and upgrade.request:
        path = safe(upgrade.path)
        path = path if len(path) <= _PATH else path[: _PATH - 1] + "…"
        asked = sorted({piece.packet for piece in upgrade.request})
        rungs.append(Inside(asked[-1], len(asked), upgrade.asked, 0, (f"{upgrade.method} {path}",), "Let us speak WebSocket."))
        if upgrade.response:
            told = sorted({piece.packet for piece in upgrade.response})
            yes = "Agreed." if upgrade.outcome == "accepted" else safe(upgrade.reason) or "No."
            rungs.append(Inside(told[-1], len(told), upgrade.time, 1, (f"HTTP {upgrade.status}",), yes))
    return sorted(rungs, key=lambda rung: rung.packet)


def cost_table(connection: TcpConnection, prologue: Prologue, width: int) -> Table | None:
    """Round trips and time of each step, measured, and all of it together."""
    tls, upgrade, first = prologue
    steps: list[tuple[str, int, int | None]] = [("TCP", 1, connection.rtt.total)]
    if tls is not None and tls.outcome == "complete":
        version = "TLS" if tls.session is None else tls.session.version
        steps.append((f"{version}{' resumed' if tls.session and tls.session.resumed else ''}", tls.round_trips, tls.duration))
    if upgrade is not None and upgrade.time is not None and upgrade.asked is not None and upgrade.status is not None:
        # A request in early data does not wait for TLS: its answer comes with the same round trip.
        early = tls is not None and tls.time is not None and upgrade.asked < tls.time
        steps.append(("upgrade, within that" if early else "upgrade", 0 if early else 1, upgrade.time - upgrade.asked))
    if len(steps) == 1 or connection.start is None:
        return None
    end, what = _end(tls, upgrade, first.time if first is not None else None)
    total = None if end is None else end - connection.start
    waited = sum(time for _, _, time in steps if time is not None)
    if total is not None and total > waited:
        steps.append(("between these", 0, total - waited))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="faint")
    for name, justify in (("before the first message", "left"), ("round trips", "right"), ("time", "right"), ("", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    bar = min(_BAR, max(width - _WORDS, 4))
    most = max((time for _, _, time in steps if time is not None), default=0)
    for name, trips, time in steps:
        drawn = "" if time is None or not most else "█" * max(round(time * bar / most), 1)
        table.add_row(
            Text(name, "label"), str(trips) if trips else "", "" if time is None else span(time), Text(drawn, "faint")
        )
    trips = sum(count for _, count, _ in steps)
    table.add_row(Text(what, "title"), Text(str(trips), "title"), Text("" if total is None else span(total), "title"), "")
    return table


def _end(tls: TlsHandshake | None, upgrade: WebSocketUpgrade | None, first: int | None) -> tuple[int | None, str]:
    """What the sum reaches to, as far as the capture shows it."""
    if first is not None:
        return first, "until the first message"
    if upgrade is not None and upgrade.status is not None:
        return upgrade.time, "until the answer"
    return (tls.time if tls is not None else None), "until TLS is open"


def _labels(flight: Flight) -> tuple[str, ...]:
    """What a flight is called, in as many letters as there are."""
    names = [safe(name) for name in flight.messages if name != "ChangeCipherSpec"] or ["records"]
    first, last = names[0], names[-1].partition(" (")[0]
    size = f" {flight.bytes:,} B"
    if len(names) == 1:
        return f"TLS {first}{size}", f"TLS {last}{size}", f"TLS {last}", last
    return f"TLS {first} … {last}{size}", f"TLS {first} … {last}", f"TLS {first} …", f"{first} …"


def _says(tls: TlsHandshake, place: int) -> str:
    """What a flight says, as one would say it."""
    flight, session, offer = tls.flights[place], tls.session, tls.offer
    names = flight.messages
    if "ClientHello" in names:
        if place:
            return "Once more, with a key share that you can use."
        versions = [name for name in (offer.versions if offer is not None else ()) if name.startswith(("TLS", "SSL"))]
        who = f" and look for {offer.sni}" if offer is not None and offer.sni else ""
        more = " And here is, encrypted, what I want to say first (0-RTT)." if "early data" in names else ""
        return safe(f"I speak {' or '.join(versions) or 'TLS'}{who}.{more}")
    if "ServerHello" in names:
        if tls.retried and place == 1:
            return "I need another key share (HelloRetryRequest): that costs a round trip."
        proof = _proof(tls)
        return safe(f"{session.version} with {session.cipher}. {proof}" if session is not None else proof)
    if any(name.startswith("alert") for name in names):
        return "I give up."
    if any(name.startswith("Finished") for name in names):
        return "I have checked all of it. From here on everything is encrypted."
    return f"{plural(flight.bytes, 'byte')} of the handshake."


def _proof(tls: TlsHandshake) -> str:
    if tls.session is not None and tls.session.resumed:
        return "We know each other: no certificate is needed."
    return f"I am {tls.names[0]}, here is the proof." if tls.names else "Here is my certificate, encrypted."
