"""Refusals in a few words."""

from __future__ import annotations

import pytest

from netviz.event import Carried, EngineIoAnswer, EngineIoRequest
from netviz.views.session_failure import failure_words
from tests.hostile import HOSTILE, dangerous
from tests.talk import upgrade
from tests.wire import START


def answer(status: int | None, body: bytes | None = b"", reason: str = "Bad Request", method: str = "GET") -> EngineIoAnswer:
    """An answer to a polling request."""
    asked = EngineIoRequest(
        packets=(1,), time=START, connection=0, number=1, method=method, target="/socket.io/?EIO=4", headers=(), head=(),
        body=Carried(b"", 0),
    )  # fmt: skip
    return EngineIoAnswer(
        packets=(2,), time=START + 1000, connection=0, request=asked, status=status, reason=reason, headers=(), head=(),
        body=Carried(body, len(body or b"")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"code":1,"message":"Session ID unknown"}', ": Session ID unknown"),
        (b'{"code":5}', ": Unsupported protocol version"),
        (b'{"code":99}', ""),
        (b'{"code":"1"}', ""),
        (b'"Invalid session abc"', ": Invalid session abc"),
        (b"<html>no</html>", ""),
        (b"", ""),
        (None, ""),
        (b"[" * 4000, ""),
        (b"\xff\xfe", ""),
        (b"7", ""),
    ],
)
def test_polling(body: bytes | None, why: str) -> None:
    assert failure_words(answer(400, body)) == f"400 Bad Request answers GET polling{why}"


def test_no_answer() -> None:
    assert failure_words(answer(None, method="POST")) == "no answer to POST polling"
    assert failure_words(upgrade(status=None, outcome="unanswered")) == "no answer to the upgrade"


def test_upgrades() -> None:
    refused = upgrade(status=502, reason="Bad Gateway", body='{"code":3,"message":"Bad request"}')
    assert failure_words(refused) == "502 Bad Gateway answers the upgrade: Bad request"
    assert failure_words(upgrade(outcome="invalid")).startswith("101 Switching Protocols breaks a rule")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str) -> None:
    for words in (failure_words(answer(400, reason=text, method=text)), failure_words(upgrade(status=400, body=f'"{text}"'))):
        assert not dangerous(words)
        assert "\n" not in words
