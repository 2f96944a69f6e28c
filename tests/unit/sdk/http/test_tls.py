"""TLS that is not right is refused before anything is sent."""

import ssl
import subprocess
from pathlib import Path

import pytest
from tests.unit.sdk.http.clients import a_client, failure_of
from tests.unit.sdk.http.raw_server import Exchange, raw_server

from knect.sdk.errors import Unreachable


def run(*command: str) -> None:
    subprocess.run(["openssl", *command], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An own authority and three certificates: right, for another name, expired."""
    folder = tmp_path_factory.mktemp("tls")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *new_key, "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem",
        "-days", "2", "-subj", "/CN=Test authority",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    for name, alternative, days in (
        ("right", "IP:127.0.0.1", "1"),
        ("other", "DNS:other.example", "1"),
        ("expired", "IP:127.0.0.1", "-1"),
    ):
        run("req", *new_key, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr",
            "-subj", f"/CN={name}")  # fmt: skip
        (folder / "ext").write_text(f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\n")
        run("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey",
            f"{folder}/ca.key", "-CAcreateserial", "-days", days, "-extfile", f"{folder}/ext",
            "-out", f"{folder}/{name}.pem")  # fmt: skip
    return folder


def served_with(authority: Path, certificate: str) -> ssl.SSLContext:
    """Return what a server that has this certificate listens with."""
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(authority / f"{certificate}.pem", authority / f"{certificate}.key")
    return there


@pytest.mark.parametrize(
    ("certificate", "trusted", "says"),
    [
        ("right", True, None),
        ("right", False, "TLS"),
        ("other", True, "TLS"),
        ("expired", True, "TLS"),
    ],
    ids=["right", "unknown authority", "wrong name", "expired"],
)
async def test_certificate(
    authority: Path, certificate: str, trusted: bool, says: str | None
) -> None:
    async def ok(exchange: Exchange) -> None:
        await exchange.answer(b'{"ok": true}')

    server_side = served_with(authority, certificate)
    client_side = ssl.create_default_context()
    if trusted:
        client_side.load_verify_locations(authority / "ca.pem")
    async with (
        raw_server(ok, tls=server_side) as server,
        a_client(server.url, tls=client_side) as client,
    ):
        if says is None:
            assert (await client.request("GET", "/x", template="/x")).data == {"ok": True}
            return
        error = await failure_of(client)
        assert not server.exchanges
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert says in error.message
