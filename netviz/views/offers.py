"""What both sides offered in their SYNs, side by side, and what holds because of it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from netviz.event import Options, Step, TcpConnection

__all__ = ["offers"]


def offers(connection: TcpConnection) -> Table | None:
    """A table of the options in the SYN and in its answer; None where neither was captured."""
    ours, theirs = (_offer(connection, side) for side in (0, 1))
    if ours is None and theirs is None:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="faint")
    table.add_column("option")
    table.add_column("client", style="client")
    table.add_column("server", style="server")
    table.add_column("so", ratio=1)
    missing = "no answer" if connection.outcome in ("refused", "unanswered") else "not captured"
    both = ours is not None and theirs is not None
    for name, read, holds in _ROWS:
        left, right = (read(step) if step else missing for step in (ours, theirs))
        if {left, right} - {"–", missing} or name == "MSS":
            table.add_row(name, Text(left), Text(right), holds(ours, theirs) if both and ours and theirs else "")
    return table


def _offer(connection: TcpConnection, side: int) -> Step | None:
    return next((s for s in connection.steps if s.segment.side == side and s.step in ("SYN", "SYN-ACK")), None)


def _mss(step: Step) -> str:
    return "–" if step.options.mss is None else f"{step.options.mss:,}"


def _mss_holds(ours: Step, theirs: Step) -> str:
    # RFC 9293 section 3.7.1: without the option 536 bytes (IPv4) are assumed.
    up, down = theirs.options.mss or 536, ours.options.mss or 536
    if up == down:
        return f"at most {up:,} bytes of data in a segment"
    return f"at most {up:,} bytes in a segment to the server, {down:,} to the client"


def _scale(step: Step) -> str:
    scale = step.options.window_scale
    return "–" if scale is None else f"{scale} (× {1 << min(scale, 14):,})"


def _scale_holds(ours: Step, theirs: Step) -> str:
    if ours.options.window_scale is None or theirs.options.window_scale is None:
        return "one side lacks it: windows stay below 65,536 bytes"
    return "later windows count in these units"


def _sack(step: Step) -> str:
    return "yes" if step.options.sack_permitted else "–"


def _stamps(step: Step) -> str:
    return "–" if step.options.timestamps is None else "yes"


def _agreed(ours: Step, theirs: Step, read: str, yes: str) -> str:
    def has(options: Options) -> bool:
        return bool(getattr(options, read))

    return yes if has(ours.options) and has(theirs.options) else "one side lacks it: not used"


def _fast_open(step: Step) -> str:
    cookie = step.options.fast_open
    if cookie is None:
        return "–"
    return f"cookie {cookie}" if cookie else "asks for a cookie"


def _fast_holds(ours: Step, theirs: Step) -> str:
    if ours.segment.length:
        return f"{ours.segment.length:,} bytes of data came with the SYN"
    return "the next connection may send data in its SYN" if theirs.options.fast_open else "no cookie given"


def _ecn(step: Step) -> str:
    return "yes" if step.ecn else "–"


def _ecn_holds(ours: Step, theirs: Step) -> str:
    return "routers may mark packets instead of dropping them" if ours.ecn and theirs.ecn else "not used"


def _others(step: Step) -> str:
    named = [step.options.mptcp] if step.options.mptcp else []
    return ", ".join([*named, *(f"option {kind}" for kind in step.options.others)]) or "–"


def _window(step: Step) -> str:
    return "–" if step.segment.window is None else f"{step.segment.window:,}"


_ROWS = (
    ("MSS", _mss, _mss_holds),
    ("window scale", _scale, _scale_holds),
    ("first window", _window, lambda ours, theirs: "bytes that may be under way at first, not scaled yet"),
    ("SACK", _sack, lambda a, b: _agreed(a, b, "sack_permitted", "what is missing can be told piece by piece")),
    ("timestamps", _stamps, lambda a, b: _agreed(a, b, "timestamps", "every segment measures a round trip")),
    ("fast open", _fast_open, _fast_holds),
    ("ECN", _ecn, _ecn_holds),
    ("others", _others, lambda ours, theirs: ""),
)
