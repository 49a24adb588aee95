"""Upgrades that are not granted: no credentials (401), a page from elsewhere (403), a path that nobody serves (404)."""

from __future__ import annotations

import socket
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from netviz.labs.client import client
from netviz.labs.lab import Lab

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

__all__ = ["LAB"]

_PAGE, _ELSEWHERE = "https://netviz.example", "https://elsewhere.example"
_TOKEN = {"Authorization": "Bearer of-good-news"}


def _judge(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != "/chat":
        return connection.respond(HTTPStatus.NOT_FOUND, f"nobody serves {request.path}\n")
    if "Authorization" not in request.headers:
        answer = connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?\n")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return None  # the origin is checked by the library (RFC 6455 section 10.2)


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import serve
    from websockets.exceptions import InvalidStatus

    async def chat(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    async with serve(chat, sock=listener, process_request=_judge, origins=[_PAGE]):  # type: ignore[list-item]  # an Origin is a str
        for path, origin, headers in (("/chat", _PAGE, {}), ("/chat", _ELSEWHERE, _TOKEN), ("/cat", _PAGE, _TOKEN)):
            with suppress(InvalidStatus):
                await client(listener, path, origin=origin, additional_headers=headers)


LAB = Lab("rejected", __doc__, _run, view="ws-trace", closer="--connection 0 --explain", sample="rejected", topic="rejected")
