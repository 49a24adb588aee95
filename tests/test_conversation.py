"""One session while it goes on: numbers, pairs, sockets, what never became whole."""

from __future__ import annotations

from netviz.conversation import Conversation, Piece
from netviz.event import EngineIoPacket, EngineIoSession, Event, SocketIoPacket, Transport
from netviz.layers.engineio import read_message
from tests.engine import answer
from tests.polling import JOINED, OPEN, SID
from tests.wire import CLIENT, SERVER

_WEB: Transport = "websocket"


class _Said:
    """A Conversation that is told packets, each 10 ns after the one before."""

    def __init__(self, version: int | None = 4) -> None:
        self.conversation = Conversation(0, 0, None, None, "/socket.io/", version)
        self.events: list[Event] = []
        self._packet = 0

    def say(self, side: int, content: str | bytes, transport: Transport = _WEB, connection: int = 0) -> _Said:
        """A packet."""
        self._packet += 1
        packet = read_message(content, self.conversation.version)
        origin = self._packet, 0, len(content)
        piece = Piece(connection, side, transport, packet, len(content), origin, self._packet * 10, self._packet)
        self.events += self.conversation.take(piece)
        return self

    def end(self) -> _Said:
        """The capture is over."""
        self.events += self.conversation.close()
        return self

    @property
    def socket(self) -> list[SocketIoPacket]:
        """Packets of Socket.IO."""
        return [event for event in self.events if isinstance(event, SocketIoPacket)]

    @property
    def engine(self) -> list[EngineIoPacket]:
        """Packets of Engine.IO."""
        return [event for event in self.events if isinstance(event, EngineIoPacket)]


def _opened() -> _Said:
    return _Said().say(SERVER, OPEN.decode()).say(CLIENT, "40").say(SERVER, JOINED.decode())


def test_packets_are_numbered_and_named_by_their_session() -> None:
    said = _opened().say(CLIENT, '42["a"]')
    assert [packet.number for packet in said.engine] == [1, 2, 3, 4]
    assert {packet.sid for packet in said.engine} == {SID}
    assert (said.socket[-1].sid, said.socket[-1].engine) == ("wZX3oN0bSVIhsaknAAAI", (4, 4))


def test_pongs_answer_the_ping_of_their_transport() -> None:
    said = _opened().say(SERVER, "2", "polling").say(SERVER, "2", _WEB, 1).say(CLIENT, "3", "polling").say(CLIENT, "3", _WEB, 1)
    assert [packet.took for packet in said.engine[-4:]] == [None, None, 20, 20]
    assert said.say(CLIENT, "3").engine[-1].took is None
    assert said.say(CLIENT, "2").say(CLIENT, "3").engine[-1].took is None  # nobody answers himself


def test_acks_answer_the_other_side_in_their_namespace_once() -> None:
    said = _opened().say(CLIENT, '421["a"]').say(SERVER, '421["b"]').say(SERVER, "42/x,1[]")
    said.say(SERVER, "431[]").say(CLIENT, "431[]").say(CLIENT, "431[]")
    first, second, third = said.socket[-3:]
    assert (first.answers, second.answers, third.answers) == ((4, 30), (5, 30), None)
    assert [problem.kind for problem in third.problems] == ["ack-for-nothing"]


def test_sockets_of_namespaces() -> None:
    said = _opened().say(SERVER, '40/a,{"sid":"of-a"}').say(CLIENT, '42/a,["x"]').say(CLIENT, "41/a,").say(CLIENT, '42/a,["x"]')
    assert [packet.sid for packet in said.socket[-3:]] == ["of-a", "of-a", None]
    assert not said.conversation.left
    assert said.say(CLIENT, "41").conversation.left
    old = _Said(3).say(SERVER, OPEN.decode()).say(SERVER, "40").say(SERVER, "40/a")
    assert [packet.sid for packet in old.socket] == [SID, f"/a#{SID}"]


def test_attachments_join_in_spite_of_what_comes_between() -> None:
    said = _opened().say(CLIENT, '451-["a",{"_placeholder":true,"num":0}]').say(SERVER, "2").say(CLIENT, "3").say(CLIENT, b"x")
    (packet,) = said.socket[2:]
    assert (packet.args, packet.engine, packet.packets, packet.attachments) == ((b"x",), (4, 7), (4, 7), 1)
    assert packet.wire == 40


def test_what_never_became_whole() -> None:
    text = '452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    for said in (_opened(), _Said()):
        before = len(said.socket)
        said.say(CLIENT, text).say(CLIENT, b"x").end()
        (packet,) = said.socket[before:]
        assert [problem.kind for problem in packet.problems] == ["attachments-missing"]
    said = _opened().say(CLIENT, text).say(CLIENT, '42["b"]')
    assert [packet.event for packet in said.socket[2:]] == ["a", "b"]
    assert [packet.packets for packet in said.socket[2:]] == [(4,), (5,)]


def test_engine_io_may_carry_something_else() -> None:
    said = _Said().say(SERVER, OPEN.decode()).say(CLIENT, "4hello").say(CLIENT, '42["a"]').end()
    assert said.socket == []
    assert [packet.type for packet in said.engine] == ["open", "message", "message"]


def test_the_end_is_told_once() -> None:
    said = _opened().end().end()
    assert [event.over for event in said.events if isinstance(event, EngineIoSession)] == [True]


def test_what_is_remembered_is_bounded() -> None:
    said = _opened()
    for number in range(30):
        said.conversation.refused(answer(400, b"x" * 100_000))
        said.say(SERVER, "2", _WEB, number)
    for number in range(10_002):
        said.say(CLIENT, f'42{number}["a"]', connection=number)
        said.events.clear()
    for number in range(1_100):
        said.say(SERVER, f'40/{number},{{"sid":"x"}}')
    told = said.conversation.told()
    assert len(told.refusals) == 20
    assert all(len(refusal.body.content or b"") == 4096 for refusal in told.refusals)
    assert len(told.connections) == 1_000
    # The one that was forgotten may have been asked for.
    assert said.say(SERVER, "430[]").socket[-1].problems == ()
    assert said.say(SERVER, "4310001[]").socket[-1].answers is not None
