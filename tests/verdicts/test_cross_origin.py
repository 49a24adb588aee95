"""What a browser keeps from a page of another origin, and when that may be said."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.event import EngineIoAnswer
from netviz.verdicts.cross_origin import judge_origin, origin_refused
from tests.engine import answer, request, scripted
from tests.talk import upgrade

_PAGE = "http://shop.example:8001"


def _asked(origin: str | None = _PAGE, allowed: str | None = None, method: str = "GET", **headers: str) -> EngineIoAnswer:
    sent = {**headers, **({} if origin is None else {"Origin": origin})}
    return answer(200, b"0{}", headers={} if allowed is None else {"Access-Control-Allow-Origin": allowed},
                  to=request(method, sent))  # fmt: skip


#: An answer, and whether a browser keeps it from its page.
_ORIGINS: dict[str, tuple[EngineIoAnswer, bool]] = {
    "nothing allowed": (_asked(), True),
    "another allowed": (_asked(allowed="http://other.example"), True),
    "all allowed": (_asked(allowed="*"), False),
    "this one allowed": (_asked(allowed=_PAGE), False),
    "no page": (_asked(None), False),
    "same origin": (_asked("http://10.0.0.2"), False),
    "same origin, written otherwise": (_asked("http://SHOP.example", Host="shop.example"), False),
    "another port": (_asked("http://10.0.0.2:81"), True),
    "no origin to speak of": (_asked("null"), False),
    "no URL": (_asked("http://[::bad"), True),
    "preflight": (_asked(method="OPTIONS"), True),
}  # fmt: skip


@pytest.mark.parametrize("name", _ORIGINS)
def test_a_page_gets_its_answer_or_not(name: str) -> None:
    found, kept = _ORIGINS[name]
    assert (origin_refused(scripted(found, polls=1)) is not None) == kept


@pytest.mark.parametrize("more", [{"polls": 2}, {"attempts": (upgrade(),)}, {"websockets": (1,)}])
def test_a_client_that_goes_on_was_not_kept_from_it(more: dict[str, Any]) -> None:
    assert origin_refused(scripted(_asked(), **{"polls": 1, **more})) is None
    assert origin_refused(scripted(_asked(), _asked(), polls=1)) is None


def test_it_is_shown_and_explained() -> None:
    verdict = judge_origin(_asked(), ())
    assert [claim.text for claim in verdict.seen] == [
        f"the GET came from a page of {_PAGE}, and went to 10.0.0.2",
        "the answer (200) has no Access-Control-Allow-Origin",
        "no request of this session follows",
    ]
    assert _PAGE in verdict.advice[0]
    assert "allows only http://a" in judge_origin(_asked(allowed="http://a"), ()).seen[1].text
    assert "the preflight came" in judge_origin(_asked(method="OPTIONS"), ()).seen[0].text
