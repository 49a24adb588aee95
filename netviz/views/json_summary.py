"""The summary of a capture as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netviz.event import CaptureSummary, SessionCounts, Share, TcpConnection, Traffic, Trouble, WebSockets
from netviz.verdicts.capture import hints
from netviz.views.json_keys import boolean, string

__all__ = ["summary_keys"]

_SECOND = 1_000_000_000

#: So many numbers of Traffic are always told.
_COUNTED = Traffic._fields.index("copies")


def summary_keys(summary: CaptureSummary, first: str, last: str) -> str:
    """The keys of a summary, behind its packets; ``first`` and ``last`` are the times of its span as they are written."""
    span, length = summary.span, summary.span.length
    return "".join(f", {string(key)}: {_written(value)}" for key, value in _known({
        "files": summary.files,
        "size": summary.size or None,
        "parts": [
            _known({
                "file": part.file, "format": part.format, "version": f"{part.version[0]}.{part.version[1]}",
                "byte_order": part.byte_order, "hardware": part.hardware or None, "system": part.system or None,
                "program": part.program or None, "packed": part.packed or None, "unpacked": part.unpacked or None,
            })
            for part in summary.parts
        ],
        "interfaces": [
            _known({
                "name": interface.name or None, "description": interface.description or None,
                "filter": interface.filter or None, "link": interface.link, "link_name": interface.link_name,
                "snaplen": interface.snaplen or None, "unit": interface.unit, "packets": interface.packets,
                "dropped": interface.dropped,
            })
            for interface in summary.interfaces
        ],
        "comments": summary.comments,
        "filter": summary.matching or None,
        "packet_count": summary.count,
        "bytes_captured": summary.captured,
        "bytes_on_wire": summary.wire,
        "packets_cut": summary.cut,
        "packets_without_time": span.untimed,
        "packets_out_of_order": span.unordered,
        "first_time": first or None,
        "last_time": last or None,
        "duration": None if length is None else length / _SECOND,
        "protocols": [_share(share) for share in summary.shares],
        "connection_count": summary.connections,
        "outcomes": summary.outcomes,
        "late_segments": summary.late,
        "busiest": [_busy(connection) for connection in summary.busiest],
        "websockets": _websockets(summary.websockets),
        "sessions": _sessions(summary.sessions) if summary.sessions.total else None,
        "notes": [_known({"kind": hint.kind, "text": hint.text, "try": hint.advice or None, "packet": hint.packet or None})
                  for hint in hints(summary)],
        "problems": [_trouble(trouble) for trouble in summary.troubles],
    }).items())  # fmt: skip


def _trouble(trouble: Trouble) -> Mapping[str, Any]:
    """All problems of one kind."""
    return _known({
        "kind": trouble.kind, "text": trouble.text, "packet": trouble.packet or None, "of": trouble.of,
        "count": trouble.times, "connection": trouble.connection,
    })  # fmt: skip


def _share(share: Share) -> Mapping[str, Any]:
    return _known({
        "protocol": share.name, "under": share.under or None, "packets": share.packets, "bytes": share.bytes,
        "packet": share.first or None, "known_by": share.known, "connections": share.connections,
    })  # fmt: skip


def _busy(event: TcpConnection) -> Mapping[str, Any]:
    client, server = event.traffic
    return _known({
        "connection": event.connection, "client": str(event.client), "server": str(event.server), "outcome": event.outcome,
        "application": event.application, "closing": event.closing.how if event.closing else None,
        "duration": None if event.duration is None else event.duration / _SECOND,
        "traffic": {"client": _traffic(client), "server": _traffic(server)}, "problem_count": len(event.problems),
    })  # fmt: skip


def _traffic(traffic: Traffic) -> Mapping[str, Any]:
    """The same keys as in ``tcp.connection``."""
    counted = dict(zip(Traffic._fields, traffic[:_COUNTED], strict=False))
    return _known({**counted, "copies": traffic.copies or None})


def _websockets(sockets: WebSockets) -> Mapping[str, Any]:
    counts = {key: getattr(sockets, key) for key in ("accepted", "rejected", "invalid", "unanswered", "headless", "messages")}
    told = counts if sockets.whole else {}
    return {"count": sockets.opened, "connections": sockets.numbers, "whole": sockets.whole, **told}


def _sessions(sessions: SessionCounts) -> Mapping[str, Any]:
    """Sessions of Engine.IO, where there are any."""
    names = {"total": "count", "numbers": "connections"}
    return _known({names.get(key, key): value for key, value in sessions._asdict().items()})


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _written(value: Any) -> str:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{string(key)}: {_written(part)}' for key, part in value.items())}}}"
    if isinstance(value, Iterable):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)
