"""Real Socket.IO for tests: a python-socketio server and three clients in this process, through a relay that records.

What passes the relay becomes a capture (link type RAW) with the times at which it passed; both sides log what they said
and heard.  A reading of the capture must agree with both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import pytest

from netviz.event import Transport
from tests.wire import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Packet, Wire, pcap

__all__ = ["BINARY", "EVENTS", "NAMESPACES", "Entry", "Recording", "Relay", "recorded"]

#: Where the clients connect to; only the first one to both.
NAMESPACES = ("/", "/admin")

#: Bytes that are neither text nor one another.
BINARY = (b"\x00\xff\x10needle", bytes(range(256)))

#: What the first client asks in which namespace, and is answered with the same.
EVENTS: Sequence[tuple[str, str, tuple[Any, ...]]] = (
    ("/", "echo", ("grüße\n温度", {"deep": [1, 2.5, None, True, {"": []}]})),
    ("/", "echo", ()),
    ("/admin", "echo", ('a,"b"/c', 17)),
    ("/", "echo", (BINARY[0],)),
    ("/admin", "echo", ({"in": [BINARY[1], {"two": BINARY[0]}]}, "behind")),
)

_QUESTION = ({"n": 1, "unit": "boxes"}, BINARY[0])
_ANSWER = (42, {"unit": "Kästen"})
_SAID = ("hello room", ["ü", 7])
_CHUNK = 16_384
_PATIENCE = 5.0


class Entry(NamedTuple):
    """One thing that an application did or was told; ``sid`` is that of the socket, ``engine`` that of the session.

    ``event`` of an "ack" is that of the event which it answers; ``args`` of a "disconnect" is the reason.
    """

    what: Literal["connect", "event", "ack", "broadcast", "disconnect"]
    act: Literal["send", "recv"]
    namespace: str
    event: str = ""
    args: tuple[Any, ...] = ()
    sid: str = ""
    engine: str = ""


class Recording(NamedTuple):
    """A capture, and what the server and each of the clients logged."""

    capture: bytes
    server: list[Entry]
    clients: tuple[list[Entry], ...]


class Relay:
    """Passes TCP connections on to a port of this machine, and writes down what it passed."""

    def __init__(self) -> None:
        self.port = 0
        self.wires: list[Wire] = []
        self._clock = 0
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None] | None] = []
        self._ends: list[asyncio.StreamWriter] = []

    async def start(self, target: int) -> None:
        """Begin to listen at a free port."""

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.append(asyncio.current_task())
            await self._pass(reader, writer, target)

        self._server = await asyncio.start_server(take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections, and cut those that are open."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()
        await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)

    @property
    def packets(self) -> list[Packet]:
        """What passed, in its order."""
        return sorted((packet for wire in self.wires for packet in wire.packets), key=lambda packet: packet.time)

    def _write(self, wire: Wire, side: int, flags: int, data: bytes = b"") -> None:
        # No two packets at the same time: their order is that of the clock.
        self._clock = wire.now = max(time.time_ns(), self._clock + 1_000)
        wire.send(side, flags, data)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
        wire = Wire(writer.get_extra_info("peername")[:2], ("127.0.0.1", self.port))
        self.wires.append(wire)
        for side, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK)):
            self._write(wire, side, flags)
        try:
            behind, onward = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            self._write(wire, SERVER, RST | ACK)
            writer.close()
            return
        self._ends += writer, onward
        over: list[int] = []
        try:
            await asyncio.gather(self._copy(wire, CLIENT, reader, onward, over), self._copy(wire, SERVER, behind, writer, over))
            self._write(wire, over[0], ACK)
        finally:
            writer.close()
            onward.close()

    async def _copy(
        self, wire: Wire, side: int, source: asyncio.StreamReader, target: asyncio.StreamWriter, over: list[int]
    ) -> None:
        try:
            while data := await source.read(_CHUNK):
                # Written down before it is passed on: an answer cannot come first.
                self._write(wire, side, PSH | ACK, data)
                target.write(data)
                await target.drain()
            over.append(side)
            self._write(wire, side, FIN | ACK)
            if target.can_write_eof():
                target.write_eof()
        except OSError:
            over.append(side)
            self._write(wire, side, RST | ACK)
            target.close()


def recorded(transports: Sequence[Transport] = ("polling", "websocket")) -> Recording:
    """One conversation of everything, over these transports; both of them means an upgrade."""
    socketio = pytest.importorskip("socketio", reason="python-socketio is not installed")
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    web = pytest.importorskip("aiohttp.web", reason="aiohttp is not installed")
    return asyncio.run(_conversation(socketio, aiohttp, web, tuple(transports)))


async def _conversation(socketio: Any, aiohttp: Any, web: Any, transports: tuple[Transport, ...]) -> Recording:
    server = socketio.AsyncServer(async_mode="aiohttp", monitor_clients=False)
    heard: list[Entry] = []
    for namespace in NAMESPACES:
        _serve(server, namespace, heard)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay = Relay()
    await relay.start(runner.addresses[0][1])
    clients = [_Client(socketio, aiohttp.ClientSession(), spaces) for spaces in (NAMESPACES, NAMESPACES[:1], NAMESPACES[:1])]
    try:
        for client in clients:
            await client.connect(relay.port, transports)
        await _talk(server, heard, clients)
        await asyncio.sleep(0.05)
        # Before the rest is torn down, of which the applications would log something, too.
        return Recording(pcap(relay.packets), [*heard], tuple([*client.log] for client in clients))
    finally:
        for client in clients:
            await client.http.close()
        await runner.cleanup()
        await relay.stop()


async def _talk(server: Any, heard: list[Entry], clients: Sequence[_Client]) -> None:
    first, second, third = clients
    for client in clients:
        await client.ask("/", "join", "blue")
    for namespace, event, args in EVENTS:
        await first.ask(namespace, event, *args)
    for client, namespace in ((first, "/"), (first, "/admin"), (third, "/")):
        sid = client.io.get_sid(namespace)
        heard.append(Entry("event", "send", namespace, "question", _QUESTION, sid))
        answer = await server.call("question", _QUESTION, to=sid, namespace=namespace, timeout=_PATIENCE)
        heard.append(Entry("ack", "recv", namespace, "question", tuple(answer), sid))
    heard.append(Entry("broadcast", "send", "/", "said", _SAID))
    await server.emit("said", _SAID, room="blue", namespace="/")
    await _until(lambda: all(any(entry.event == "said" for entry in client.log) for client in clients))
    # One end by each side; the third client is still there when the capture ends.
    await server.disconnect(second.io.get_sid("/"), namespace="/")
    await _until(lambda: any(entry.what == "disconnect" for entry in second.log))
    await first.leave()
    await _until(lambda: sum(entry.what == "disconnect" for entry in heard) == 3)


def _serve(server: Any, namespace: str, log: list[Entry]) -> None:
    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        engine = server.manager.eio_sid_from_sid(sid, namespace)
        log.append(Entry("connect", "recv", namespace, args=(auth,), sid=sid, engine=engine))

    async def disconnect(sid: str, reason: str = "") -> None:
        log.append(Entry("disconnect", "recv", namespace, args=(reason,), sid=sid))

    async def anything(event: str, sid: str, *args: Any) -> tuple[Any, ...]:
        log.append(Entry("event", "recv", namespace, event, args, sid))
        if event == "join":
            await server.enter_room(sid, args[0], namespace=namespace)
        log.append(Entry("ack", "send", namespace, event, args, sid))
        return args

    handlers: dict[str, Callable[..., Awaitable[Any]]] = {"connect": connect, "disconnect": disconnect, "*": anything}
    for name, handler in handlers.items():
        server.on(name, handler, namespace=namespace)


class _Client:
    """A client that logs."""

    def __init__(self, socketio: Any, http: Any, namespaces: Sequence[str]) -> None:
        self.http = http
        self.io = socketio.AsyncClient(reconnection=False, http_session=http)
        self.namespaces = namespaces
        self.log: list[Entry] = []
        for namespace in namespaces:
            self._listen(namespace)

    async def connect(self, port: int, transports: Sequence[Transport]) -> None:
        await self.io.connect(
            f"http://127.0.0.1:{port}", transports=list(transports), namespaces=list(self.namespaces), wait_timeout=_PATIENCE
        )

    async def ask(self, namespace: str, event: str, *args: Any) -> None:
        self.log.append(Entry("event", "send", namespace, event, args))
        answer = await self.io.call(event, args or None, namespace=namespace, timeout=_PATIENCE)
        found = () if answer is None else answer if isinstance(answer, tuple | list) and len(args) != 1 else (answer,)
        self.log.append(Entry("ack", "recv", namespace, event, tuple(found)))

    async def leave(self) -> None:
        # While it polls, the client waits for an answer to its GET, which this server does not give before its next ping.
        with suppress(TimeoutError):
            await asyncio.wait_for(self.io.disconnect(), 0.5)

    def _listen(self, namespace: str) -> None:
        async def connect() -> None:
            sid, engine = self.io.get_sid(namespace), self.io.eio.sid
            self.log.append(Entry("connect", "recv", namespace, sid=sid, engine=engine))

        async def disconnect(reason: str = "") -> None:
            self.log.append(Entry("disconnect", "recv", namespace, args=(reason,)))

        async def question(*args: Any) -> tuple[Any, ...]:
            self.log.append(Entry("event", "recv", namespace, "question", args))
            self.log.append(Entry("ack", "send", namespace, "question", _ANSWER))
            return _ANSWER

        async def anything(event: str, *args: Any) -> None:
            self.log.append(Entry("event", "recv", namespace, event, args))

        handlers: dict[str, Callable[..., Awaitable[Any]]] = {
            "connect": connect, "disconnect": disconnect, "question": question, "*": anything,
        }  # fmt: skip
        for name, handler in handlers.items():
            self.io.on(name, handler, namespace=namespace)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)
