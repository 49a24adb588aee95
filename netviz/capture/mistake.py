"""What is wrong with a capture filter, in words: libpcap says little more than "syntax error"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from netviz.errors import NetvizError

__all__ = ["mistake"]

#: Protocols inside TCP that people name in capture filters, and the port that they often have.
_PROTOCOLS = {
    **dict.fromkeys(("websocket", "websockets", "ws", "socket.io", "socketio", "engine.io", "engineio"), 8080),
    **dict.fromkeys(("http", "http1", "http2", "h2", "h2c"), 80),
    **dict.fromkeys(("wss", "https", "tls", "ssl"), 443),
}

#: What may stand before a name that is no protocol.
_QUALIFIERS = ("host", "net", "port", "portrange", "src", "dst", "gateway", "proto", "ether", "mask")

#: Fields of Wireshark's display filters, and how a capture filter says the same.
_FIELDS = {
    "tcp.port": "tcp port {}", "tcp.srcport": "tcp src port {}", "tcp.dstport": "tcp dst port {}",
    "udp.port": "udp port {}", "udp.srcport": "udp src port {}", "udp.dstport": "udp dst port {}",
    "ip.addr": "host {}", "ip.src": "src host {}", "ip.dst": "dst host {}", "ip.host": "host {}",
    "ipv6.addr": "host {}", "ipv6.src": "src host {}", "ipv6.dst": "dst host {}",
    "eth.addr": "ether host {}", "eth.src": "ether src {}", "eth.dst": "ether dst {}", "vlan.id": "vlan {}",
    "tcp.flags.syn": "tcp[tcpflags] & tcp-syn != 0", "tcp.flags.fin": "tcp[tcpflags] & tcp-fin != 0",
    "tcp.flags.reset": "tcp[tcpflags] & tcp-rst != 0", "tcp.flags.push": "tcp[tcpflags] & tcp-push != 0",
    "tcp.flags.ack": "tcp[tcpflags] & tcp-ack != 0",
}  # fmt: skip

_FIELD = re.compile(r"(?<![\w.])(?:tcp|udp|ip|ipv6|eth|vlan|frame|websocket|http|http2|tls|ssl|dns|icmp|data)(?:\.[a-z_]\w*)+")
_COMPARED = re.compile(rf"({_FIELD.pattern})\s*(==|=|eq\b|!=|ne\b)\s*([\w.:/-]+)")
_WORD = re.compile(r"[\w.:/\\-]+|&&|\|\||[<>=!]=|<<|>>|\S")

#: What an expression that is not at its end could go on with: one of these makes it whole, where it is right so far.
_ENDINGS = ("", " 80", " 1.2.3.4", " port 80", " host 1.2.3.4", " tcp", " 1", " = 1", " 1 = 1", "] = 1", "1] = 1", "0] = 1",
            " 1] = 1", " mask 255.0.0.0", " 1:2:3:4:5:6")  # fmt: skip

#: How much of a long expression is shown on each side of the wrong word.
_AROUND = 30


def mistake(expression: str, message: str, compiles: Callable[[str], bool]) -> NetvizError:
    """The error to raise where libpcap refuses an expression with this message."""
    field = _FIELD.search(expression)
    words = list(_WORD.finditer(expression))
    if field is not None and not _qualified(expression[: field.start()]):
        return _error(message, expression, field.span(), _display(expression, field.group(), compiles))
    for word in words:
        if word.group().lower() in _PROTOCOLS and not _qualified(expression[: word.start()]):
            return _error(message, expression, word.span(), _inside_tcp(word.group()))
    named = re.search(r"'([^']+)'|number (\d+)", message)
    if named is not None:
        at = expression.find(named.group(1) or named.group(2))
        return _error(message, expression, (at, at + len(named.group(1) or named.group(2))) if at >= 0 else None)
    if "syntax" not in message:
        return _error(message, expression, None)
    for word in words:
        if not _may_go_on(expression[: word.end()], compiles):
            return _error(message, expression, word.span(), ["what stands before this word is right"])
    return _error(message, expression, (len(expression), len(expression) + 1), ["something is missing behind the last word"])


def _qualified(before: str) -> bool:
    words = before.split()
    return bool(words) and words[-1] in _QUALIFIERS


def _may_go_on(start: str, compiles: Callable[[str], bool]) -> bool:
    # Names are not looked up again for each try.
    start = re.sub(r"\bhost\s+[a-zA-Z][\w.-]*", "host 1.2.3.4", start)
    open_still = ")" * max(start.count("(") - start.count(")"), 0)
    return any(compiles(f"{start}{ending}{open_still}") for ending in _ENDINGS)


def _inside_tcp(word: str) -> list[str]:
    port = _PROTOCOLS[word.lower()]
    found = "WebSockets by itself, on any port" if port == 8080 else "by itself what a connection carries, on any port"
    return [
        f"capture filters see addresses and ports; {word} is a protocol inside TCP.",
        f"netviz finds {found}: netviz ws-trace FILE",
        f"for packets of one port only: -f 'tcp port {port}'",
    ]


def _display(expression: str, field: str, compiles: Callable[[str], bool]) -> list[str]:
    told = [f"{field} is from the display filters of Wireshark; -f takes capture filters, as tcpdump does."]
    translated = _COMPARED.sub(_translated, expression)
    if translated != expression and compiles(translated):
        return [*told, f"the same: -f '{translated}'"]
    compared = _COMPARED.search(expression)
    if compared is not None and compared.group(1) in _FIELDS:
        return [*told, f"{compared.group()} is written: {_translated(compared)}"]
    protocol = field.partition(".")[0]
    if field == "tcp.stream":
        return [*told, "for one connection: netviz handshake FILE --connection N"]
    if protocol in _PROTOCOLS:
        return [*told, *_inside_tcp(protocol)[1:]]
    return [*told, "such as: tcp port 80, host 10.0.0.1, src host 10.0.0.1 and not port 22"]


def _translated(compared: re.Match[str]) -> str:
    field, operator, value = compared.groups()
    if field not in _FIELDS:
        return compared.group()
    same = (operator in ("==", "=", "eq")) is not (field.startswith("tcp.flags.") and value == "0")
    words = _FIELDS[field].format(value)
    return words if same else f"not ({words})" if "&" in words else f"not {words}"


def _error(message: str, expression: str, span: tuple[int, int] | None, words: list[str] | None = None) -> NetvizError:
    """The message of libpcap, the expression with a mark under what is wrong, and what to do."""
    lines = [expression]
    if span is not None:
        start, stop = span
        low, high = max(start - _AROUND, 0), stop + _AROUND
        before, behind = "… " * (low > 0), " …" * (high < len(expression))
        blank = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in before + expression[low:start])
        lines = [f"{before}{expression[low:high]}{behind}", " " * blank + "^" * (stop - start)]
    return NetvizError(f"the capture filter is wrong: {message}", "\n".join([*lines, *(words or [])]))
