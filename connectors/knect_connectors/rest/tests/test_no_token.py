"""A place for tokens that answers well and gives none: no word of the credentials."""

from typing import Any

import pytest

from knect.sdk.errors import ConnectorError, UnexpectedAnswer
from knect.sdk.testing import Answer, Request
from knect_connectors.rest.tests.conftest import Open, Scene
from knect_connectors.rest.tests.test_credentials import ask

CANARY = "live-token-canary"


def _gives(there: Scene, monkeypatch: Any, answer: Answer) -> None:
    whole = there.system._answer

    def given(request: Request) -> Answer:
        return answer if request.path == "/login" else whole(request)

    monkeypatch.setattr(there.system, "_answer", given)


@pytest.mark.parametrize(
    "answer",
    [
        Answer.of_json({"token": CANARY}),
        Answer.of_json({"access_token": "", "refresh_token": CANARY}),
        Answer.of_json([CANARY]),
        Answer(),
        Answer(status=204),
    ],
    ids=["by another name", "empty", "a list", "nothing", "no content"],
)
async def test_it_is_an_answer_nobody_expected_and_is_not_told(
    scene: Open, monkeypatch: Any, answer: Answer
) -> None:
    there = await scene()
    _gives(there, monkeypatch, answer)
    with pytest.raises(ConnectorError) as told:
        await ask(there, {"tokenPath": "/login"})
    assert CANARY not in f"{told.value!r} {told.value.message}"
    assert type(told.value) is UnexpectedAnswer
    assert not told.value.could_have_been_seen, "what needed the token has not left"
    assert "POST /login was answered without access_token" in told.value.message
