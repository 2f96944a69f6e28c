"""A token for a client's id and secret: where they go, and what is said when there is none."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import CredentialsRejected
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Request
from knect.seams import SystemClock
from knect_connectors.rest.connector import open_connector
from knect_connectors.rest.tests.conftest import Open, Scene, a_config

SECRET = "hush-canary"


class Issuer:
    """Gives tokens of the system for the right form, and notes how it was asked."""

    def __init__(self, there: Scene, monkeypatch: Any, *, status: int = 200) -> None:
        self.asked: list[Request] = []
        self._status = status
        monkeypatch.setattr(there.system, "_token", self._refuse)
        whole = there.system._answer

        def answer(request: Request) -> Answer:
            if request.path == "/login":
                return self.give(request)
            return whole(request)

        monkeypatch.setattr(there.system, "_answer", answer)

    def _refuse(self) -> Answer:
        return Answer.of_json({"error": "not here"}, status=404)

    def give(self, request: Request) -> Answer:
        self.asked.append(request)
        if self._status != 200:
            words = {"error": "invalid_client", "error_description": f"no such pair: {SECRET}"}
            return Answer.of_json(words, status=self._status)
        return Answer.of_json({"access_token": "in-house-token", "expires_in": 60})

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.asked[-1].body.decode())


async def ask(there: Scene, auth: dict[str, Any]) -> None:
    clock = SystemClock()
    auth = {"kind": "ClientCredentials", **auth}
    connector = open_connector(
        ConnectorContext(
            name="in-house",
            config={**a_config(auth=auth), "baseUrl": there.system.url},
            secrets={"clientId": Secret("me"), "clientSecret": Secret(SECRET)},
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
        )
    )
    try:
        await connector.check()
    finally:
        await connector.close()


async def test_id_and_secret_go_in_a_header_or_in_the_form(scene: Open, monkeypatch: Any) -> None:
    there = await scene()
    issuer = Issuer(there, monkeypatch)
    await ask(there, {"tokenPath": "/login", "scope": "a b"})
    assert issuer.form == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    assert issuer.asked[-1].headers["authorization"].startswith("Basic ")
    more = {"credentialsIn": "Body", "tokenParameters": {"audience": "https://api"}}
    await ask(there, {"tokenPath": "/login", **more})
    assert issuer.form == {
        "grant_type": ["client_credentials"],
        "audience": ["https://api"],
        "client_id": ["me"],
        "client_secret": [SECRET],
    }
    assert "authorization" not in issuer.asked[-1].headers


async def test_a_token_may_come_from_another_host(scene: Open, monkeypatch: Any) -> None:
    there, other = await scene(), await scene()
    issuer = Issuer(other, monkeypatch)
    await ask(there, {"tokenUrl": f"{other.system.url}/login"})
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("status", [400, 401])
async def test_who_gets_no_token_reads_why_and_what_to_try(
    scene: Open, monkeypatch: Any, status: int
) -> None:
    there = await scene()
    Issuer(there, monkeypatch, status=status)
    with pytest.raises(CredentialsRejected) as caught:
        await ask(there, {"tokenPath": "/login"})
    said = caught.value.message
    assert f"POST /login was answered with {status} no such pair: ***" in said
    assert "say auth.credentialsIn: Body" in said
    assert SECRET not in said
