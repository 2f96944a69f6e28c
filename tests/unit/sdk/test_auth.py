import asyncio

import pytest
from tests.unit.sdk.simulated_clock import SimulatedClock

from knect.sdk.auth import BasicAuth, HeaderAuth, Token, TokenAuth
from knect.sdk.errors import CredentialsRejected
from knect.sdk.secret import Secret


async def test_header_is_read_at_every_use_so_that_rotation_needs_no_restart() -> None:
    secrets = {"token": Secret("old")}
    auth = HeaderAuth("Authorization", lambda: secrets["token"], prefix="Bearer ")
    sent = await auth.headers()
    assert sent["Authorization"].reveal() == "Bearer old"
    assert await auth.renew(sent) is False
    secrets["token"] = Secret("new")
    assert await auth.renew(sent) is True
    assert (await auth.headers())["Authorization"].reveal() == "Bearer new"


async def test_basic() -> None:
    auth = BasicAuth(lambda: Secret("Aladdin"), lambda: Secret("open sesame"))
    sent = await auth.headers()
    assert sent["Authorization"].reveal() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert await auth.renew(sent) is False


class Endpoint:
    def __init__(self, lifetime: float | None = None) -> None:
        self.fetched = 0
        self.lifetime = lifetime

    async def fetch(self) -> Token:
        self.fetched += 1
        number = self.fetched
        await asyncio.sleep(0)
        return Token(secret=Secret(f"token-{number}"), lifetime=self.lifetime)


def token_auth(endpoint: Endpoint, clock: SimulatedClock) -> TokenAuth:
    return TokenAuth(endpoint.fetch, header="X-Token", clock=clock)


async def test_many_calls_fetch_one_token() -> None:
    endpoint = Endpoint()
    auth = token_auth(endpoint, SimulatedClock())
    sent = await asyncio.gather(*(auth.headers() for _ in range(20)))
    assert {one["X-Token"].reveal() for one in sent} == {"token-1"}
    assert endpoint.fetched == 1


async def test_many_refused_calls_renew_once() -> None:
    endpoint = Endpoint()
    auth = token_auth(endpoint, SimulatedClock())
    refused = await auth.headers()
    assert all(await asyncio.gather(*(auth.renew(refused) for _ in range(20))))
    assert endpoint.fetched == 2
    assert (await auth.headers())["X-Token"].reveal() == "token-2"


async def test_token_is_renewed_before_it_ends() -> None:
    endpoint, clock = Endpoint(lifetime=600), SimulatedClock()
    auth = token_auth(endpoint, clock)
    await auth.headers()
    clock.seconds += 539
    await auth.headers()
    assert endpoint.fetched == 1
    clock.seconds += 2
    await auth.headers()
    assert endpoint.fetched == 2


async def test_a_refused_fetch_is_told_and_the_next_call_tries_again() -> None:
    fetched = []

    async def fetch() -> Token:
        fetched.append(1)
        if len(fetched) == 1:
            raise CredentialsRejected("no")
        return Token(secret=Secret("good"))

    auth = TokenAuth(fetch, header="X-Token", clock=SimulatedClock())
    with pytest.raises(CredentialsRejected):
        await auth.headers()
    assert (await auth.headers())["X-Token"].reveal() == "good"
