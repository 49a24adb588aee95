"""The story: each ending and each beginning told by what happened, and nothing told that did not."""

from __future__ import annotations

import pytest

from netviz.event import Totals
from netviz.verdicts.websocket import Trace
from netviz.views.websocket_story import after_upgrade, before_upgrade, ending
from tests.talk import SECOND, close, trace, upgrade
from tests.wire import START


def _told(found: Trace) -> str:
    return "\n".join([*before_upgrade(found), *after_upgrade(found), *ending(found)])


@pytest.mark.parametrize(
    ("found", "there", "missing"),
    [
        (trace(upgrade(path="/chat"), close()), ["asks for /chat", "101 Switching Protocols is the last line", "masked",
         "1 message from the client and 0 from the server", "(normal closure), and the server answered"], ["compress"]),
        (trace(upgrade(offered_extensions=("x; y",))), ["offers to compress (x; y)"], ["exchanged"]),
        (trace(), ["started later", "masked"], ["asks for", "101"]),
        (trace(upgrade(status=None, outcome="unanswered")), ["No answer came"], ["masked", "101 Switching"]),
        (trace(upgrade(status=403, reason="No")), ["answered 403 No", "stays with HTTP"], ["masked", "exchanged"]),
        (trace(upgrade(outcome="invalid")), ["breaks a rule", "masked"], ["last line of HTTP"]),
        (trace(upgrade(), close(ended=False)), ["still open"], ["close frame, code"]),
        (trace(upgrade(), close(code=1006, clean=False, by="server")), ["Then the server ended", "1006"], ["answered with"]),
        (trace(upgrade(), close(clean=False, by="server")), ["the client did not answer it"], ["answered with the same"]),
        (trace(upgrade(), close(totals=(Totals(pings=2), Totals(pings=1)))), ["In between 3 pings"], []),
        (trace(upgrade(), close(began=START, time=START + SECOND)), ["It lasted 1.000 s"], ["ping"]),
        (trace(upgrade(), close(began=None)), ["They exchanged"], ["It lasted"]),
    ],
)  # fmt: skip
def test_story(found: Trace, there: list[str], missing: list[str]) -> None:
    text = _told(found)
    assert [words for words in there if words not in text] == []
    assert [words for words in missing if words in text] == []


def test_the_same_code_is_not_told_where_it_was_another() -> None:
    text = _told(trace(upgrade(), close(code=1002, codes=(1002, 1000))))
    assert "answered with the same" not in text
