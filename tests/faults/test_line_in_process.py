"""The line as a process of its own meets it: certificates, and what is told of them."""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.http.raw_server import Exchange, raw_server
from tests.unit.sdk.http.test_tls import authority  # noqa: F401 - a fixture

pytestmark = pytest.mark.faults

KNECT = Path(sys.executable).parent / "knect"
TOKEN = "in-house-canary-token"


def _declare(folder: Path, url: str) -> None:
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "knect.dev/v1alpha1",
            "kind": "Connection",
            "metadata": {"name": "in-house"},
            "spec": {
                "connector": "rest",
                "role": "Hub",
                "config": {
                    "baseUrl": url,
                    "auth": {"kind": "Bearer"},
                    "check": {"path": "/ping", "product": "In-house"},
                    "entities": {"orders": {"read": {"path": "/orders", "id": "id"}}},
                },
                "credentials": {"secretRef": {"name": "in-house"}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "in-house"},
            "stringData": {"token": TOKEN},
        },
    ]
    (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))


async def _check(folder: Path, **environment: str) -> tuple[int, str]:
    words = ["check", "-f", str(folder), "--allow", "127.0.0.1", "in-house"]
    process = await asyncio.create_subprocess_exec(
        KNECT, *words, cwd=folder, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, " ".join(said.decode().split())


def _served_with(folder: Path, certificate: str) -> ssl.SSLContext:
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
    return there


async def _answers(exchange: Exchange) -> None:
    await exchange.answer(b"{}")


async def test_an_authority_of_ones_own_is_trusted_by_its_file(
    tmp_path: Path,
    authority: Path,  # noqa: F811 - the fixture
) -> None:
    async with raw_server(_answers, tls=_served_with(authority, "right")) as server:
        _declare(tmp_path, server.url)
        code, said = await _check(tmp_path)
        assert code == 1
        assert "in-house: 127.0.0.1: GET /ping: TLS refused: " in said
        assert "SSL_CERT_FILE" in said
        assert not server.exchanges, "nothing is sent to who is not known"
        code, said = await _check(tmp_path, SSL_CERT_FILE=str(authority / "ca.pem"))
        assert code == 0, said
        assert "in-house: In-house" in said
        assert len(server.exchanges) == 1
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ("expired", "certificate has expired; it has to be renewed there"),
        ("other", "certificate is not valid for '127.0.0.1'; correct the address"),
    ],
)
async def test_one_that_is_not_good_is_told_with_who_can_mend_it(
    tmp_path: Path,
    authority: Path,  # noqa: F811 - the fixture
    certificate: str,
    says: str,
) -> None:
    async with raw_server(_answers, tls=_served_with(authority, certificate)) as server:
        _declare(tmp_path, server.url)
        code, said = await _check(tmp_path, SSL_CERT_FILE=str(authority / "ca.pem"))
        assert not server.exchanges
    assert code == 1
    assert says in said
    assert TOKEN not in said


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "302 Found", "503 Away"])
async def test_what_answers_in_its_place_is_told_by_a_check(
    tmp_path: Path,
    status: str,
) -> None:
    async def instead(exchange: Exchange) -> None:
        headers = f"Location: https://portal.example/log-in?token={TOKEN}\r\n"
        await exchange.answer(b"<html>", status=status, headers=headers)

    async with raw_server(instead) as server:
        _declare(tmp_path, server.url)
        code, said = await _check(tmp_path)
    assert code == 1
    assert f"in-house: 127.0.0.1: GET /ping was answered with {status[:3]}" in said
    assert TOKEN not in said
