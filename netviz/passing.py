"""A connection that has spoken nothing but HTTP that nobody cares about: a few numbers instead of a Channel.

Most connections never are anything else, and a Channel with its Streams and layers is two dozen objects.  As soon as
anything is not plain a Channel goes on from here, as if it had been there from the beginning.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netviz.channel import Channel
from netviz.layers.head import REQUEST
from netviz.layers.http1 import MOST_WAITING
from netviz.layers.plain_http import Plain, pass_requests, pass_responses
from netviz.layers.tcp.reassembly import MEMORY, WINDOW

if TYPE_CHECKING:
    from netviz.layers.layer import Wanted
    from netviz.payload import Group, Payload

__all__ = ["Passing"]

_WORD, _HALF = 0xFFFFFFFF, 1 << 31


class Passing:
    """What is kept of such a connection, for each of its sides: ``next`` is the sequence number that is due."""

    __slots__ = ("_acked", "_asked", "_client", "_fin", "_length", "_number", "_tail", "_waiting", "_wanted", "next", "over")

    #: As of a Channel: somebody reads on.
    reads = True

    def __init__(self, number: int, wanted: Wanted, first: tuple[int, int]) -> None:
        self._number = number
        self._wanted = wanted
        self._client = -1
        self.next = [first[0] & _WORD, first[1] & _WORD]
        self._length = [0, 0]
        self._acked = [0, 0]
        self._fin: list[int | None] = [None, None]
        self._tail = [b"", b""]
        self._waiting: deque[Plain] | None = None
        self._asked = 0
        self.over = False

    @property
    def idle(self) -> bool:
        """Whether the end of the connection changes nothing: whatever was acknowledged has been seen."""
        return self._acked[0] <= self._length[0] + 1 and self._acked[1] <= self._length[1] + 1

    def take(self, payload: Payload, groups: tuple[Group | None, Group | None]) -> bool:
        """Pass over the segments of both sides, which are due, if they are plain; else nothing is changed."""
        data, client = payload.data, self._client
        spans = payload.span(groups[0]), payload.span(groups[1])
        if client < 0:
            asking = [side for side, span in enumerate(spans) if REQUEST.match(data, *span)]
            if len(asking) != 1:
                return False
            client = asking[0]
        waiting, contents = self._waiting, self._wanted.contents
        plain: list[Plain] = []
        if pass_requests(data, *spans[client], plain, contents=contents) != spans[client][1]:
            return False
        answered = deque(waiting) if waiting else deque()
        answered += plain
        if len(answered) > MOST_WAITING or pass_responses(data, *spans[1 - client], answered) != spans[1 - client][1]:
            return False
        self._client = client
        self._waiting = answered or None
        self._asked += len(plain)
        for side, group in enumerate(groups):
            if group is not None:
                start, stop = spans[side]
                self.next[side] = group.next
                self._length[side] += stop - start
                self._tail[side] = (self._tail[side] + data[max(start, stop - MEMORY) : stop])[-MEMORY:]
                if group.fin and self._fin[side] is None:
                    self._fin[side] = self._length[side]
        return True

    def acknowledged(self, side: int, ack: int) -> None:
        """The other end has everything of a side before this number."""
        beyond = (ack - self.next[side] + _HALF & _WORD) - _HALF
        if beyond <= WINDOW:
            self._acked[side] = max(self._acked[side], self._length[side] + beyond)

    def channel(self) -> Channel:
        """The same as a Channel."""
        made = Channel(self._number, self._wanted)
        for side, end in enumerate(made.ends):
            end.resume(self.next[side], self._length[side], self._acked[side], self._fin[side], self._tail[side])
        made.over = self.over
        if self._client >= 0:
            made.resume(self._client, self._waiting or (), self._asked)
        return made
