"""An authority of one's own is given in the Connection, and trusted for that one alone."""

import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.http.raw_server import Exchange, raw_server
from tests.unit.sdk.http.test_tls import authority, served_with

from knect.sdk.contract import Connector, ConnectorContext
from knect.sdk.errors import ConnectorError, Fatal, Unreachable
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock

__all__ = ["authority"]

CONNECTORS: dict[str, dict[str, Any]] = {
    "rest": {"baseUrl": "{url}", "check": {"path": "/ping"}, "entities": {}},
    "tryton": {"url": "{url}", "database": "acme", "webShop": "acme"},
    "magento1": {"url": "{url}"},
}
SECRETS = {name: Secret("x") for name in ("username", "password", "apiUser", "apiKey")}


class Hasty(SystemClock):
    """One by which nobody waits before a second try."""

    async def sleep(self, seconds: float) -> None:
        del seconds
        await super().sleep(0)


@asynccontextmanager
async def connected(name: str, url: str, **more: str) -> AsyncIterator[Connector]:
    config = {
        key: value.format(url=url) if isinstance(value, str) else value
        for key, value in CONNECTORS[name].items()
    }
    clock = Hasty()
    connector: Connector = importlib.import_module(f"knect_connectors.{name}").open_connector(
        ConnectorContext(
            name="ours", config={**config, **more}, secrets=SECRETS, clock=clock,
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
        )
    )  # fmt: skip
    try:
        yield connector
    finally:
        await connector.close()


async def _fails(name: str, url: str, **more: str) -> ConnectorError | None:
    async with connected(name, url, **more) as connector:
        try:
            await connector.check()
        except ConnectorError as error:
            return error
    return None


@pytest.mark.parametrize("name", CONNECTORS)
async def test_a_connection_trusts_its_own_authority_and_no_other_does(
    authority: Path,
    name: str,
) -> None:
    async def answers(exchange: Exchange) -> None:
        await exchange.answer(b'{"ok": true}')

    pem = (authority / "ca.pem").read_text()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            raw_server(answers, tls=served_with(authority, "right"))
        )
        await _fails(name, server.url, certificateAuthority=pem)
        assert server.exchanges, "it was asked"
        asked = len(server.exchanges)
        refused = await _fails(name, server.url)
        assert isinstance(refused, Unreachable)
        assert "give it in the Connection's config.certificateAuthority" in refused.message
        assert len(server.exchanges) == asked
        other = await stack.enter_async_context(
            raw_server(answers, tls=served_with(authority, "other"))
        )
        assert isinstance(await _fails(name, other.url, certificateAuthority=pem), Unreachable), (
            "its name is checked as ever"
        )
        assert not other.exchanges


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize(
    "text", ["/etc/ssl/ca.pem", "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"]
)
async def test_what_is_no_certificate_is_named_and_not_repeated(name: str, text: str) -> None:
    with pytest.raises(Fatal, match=r"config\.certificateAuthority is no certificate") as told:
        async with connected(name, "https://127.0.0.1:1", certificateAuthority=text):
            pass
    assert told.value.path == "config.certificateAuthority"
    assert "MC4CAQ" not in told.value.message
