"""No secret and no masked value leaves: a server that quotes all it is sent, and every output read.

The remote is as careless as remotes are: its refusals, error pages, broken JSON and redirects have
the request's own headers and body in them. The worker logs everything, traces everything, serves
its pages; a person asks every command. Then all of it is searched.
"""

import base64
import html
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from tests.integration.worker.pods import Cluster, a_cluster, until
from tests.support.console import ConsoleProcess
from tests.support.real.ports import free_ports
from tests.support.toy.clock import FastClock
from tests.unit.sdk.http.raw_server import Exchange, raw_server
from tests.unit.sdk.http.test_client import all_texts

from knect.api.catalog import Catalog
from knect.api.worker import WorkerConnection
from knect.engine.working.parts import open_connector
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock

#: What only the Secrets hold.
SECRETS = {
    "shop token": "canary-shop-token-5b1e",
    "erp user": "canary-erp-user-91c0",
    "erp password": "canary-erp-pass+word/7f=d3",
    "webhook secret": "canary-webhook-secret-44aa",
}
#: A credential with everything in it that somebody escapes.
HARD = "hard-canary\"7'&<é>/+\\x"
#: What the pipeline masks, per order.
MASKED = {
    "email": "canary.buyer.{}@mail.example",
    "street": "Canary Lane {} 77",
    "sku": "CANARY-SKU-{}",
}
#: What the ERP does with an order of that number.
TROUBLE = {
    "1": "fine", "2": "refused", "3": "page", "4": "broken", "5": "redirect", "6": "unauthorised",
    "7": "success that is none", "8": "missing price",
}  # fmt: skip


class _Careless(BaseHTTPRequestHandler):
    """A shop, an ERP and a collector in one, that says everything it knows."""

    protocol_version = "HTTP/1.1"

    @property
    def heard(self) -> "list[str]":
        return self.server.heard  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        if self.path.startswith("/ping"):
            self._say(200, {"ok": True})
        elif self.path.startswith("/orders/"):
            self._say(200, _order(self.path.removeprefix("/orders/o")))
        elif self.path.startswith("/orders"):
            self._say(200, {"orders": [_order(number) for number in TROUBLE]})
        else:
            self._say(200, {"sales": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if self.path.startswith("/v1/"):
            self.heard.append(body)
            self._say(200, {})
            return
        quoted = f"{self.headers} {body}"
        number = json.loads(body)["number"]
        match TROUBLE[number]:
            case "fine":
                self._say(201, {"id": f"S-{number}"})
            case "page":
                page = f"<html><body>Fatal error in {quoted}</body></html>"
                self._send(500, page.encode(), "text/html")
            case "broken":
                self._send(200, f'{{"id": "{number}", {quoted}'.encode(), "application/json")
            case "redirect":
                where = f"/elsewhere?{quote(' '.join(quoted.split()))}"
                self._send(302, b"", "text/plain", Location=where)
            case "unauthorised":
                self._say(401, {"error": {"message": f"rejected: {quoted}"}})
            case "success that is none":
                self._say(200, {"error": {"message": f"no: {quoted}", "field": "customer"}})
            case _:
                self._say(422, {"error": {"message": f"no: {quoted}", "field": "customer"}})

    def _say(self, status: int, answer: Any) -> None:
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _order(number: str) -> dict[str, Any]:
    price = "dear" if TROUBLE[number] == "missing price" else "10.00"
    return {
        "id": f"o{number}", "number": number, "changed": f"2026-01-01T00:00:0{number}Z",
        "currency": "EUR", "total": "10.00",
        "mail": MASKED["email"].format(number), "street": MASKED["street"].format(number),
        "rows": [
            {"id": "1", "sku": MASKED["sku"].format(number), "quantity": "1", "price": price}
        ],
    }  # fmt: skip


@contextmanager
def _careless() -> Iterator[tuple[str, list[str]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Careless)
    server.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.heard  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _document(cluster: Cluster, url: str) -> Path:
    shop = {
        "baseUrl": url,
        "check": {"path": "/ping"},
        "auth": {"kind": "Bearer"},
        "webhooks": {
            "kind": "HmacSha256",
            "events": [{"type": "order", "entity": "orders", "id": "id"}],
        },
        "entities": {
            "orders": {
                "read": {
                    "path": "/orders",
                    "query": {"since": "{since}"},
                    "records": "orders",
                    "id": "id",
                    "cursor": "changed",
                    "fetch": {"path": "/orders/{id}"},
                    "record": {
                        "number": "number",
                        "currency": "currency",
                        "placed_at": "changed",
                        "totals": {"fields": {"total": "total"}},
                        "customer": {"fields": {"email": "mail"}},
                        "shipping_address": {"fields": {"city": "street"}},
                        "lines": {
                            "each": "rows",
                            "fields": {
                                "id": "id",
                                "sku": "sku",
                                "quantity": "quantity",
                                "unit_price": "price",
                            },
                        },
                    },
                }
            }
        },
    }
    erp = {
        "baseUrl": url,
        "check": {"path": "/ping"},
        "auth": {"kind": "Basic"},
        "errors": [
            {"path": "error", "then": "Refuse", "message": "error.message", "field": "error.field"}
        ],
        "entities": {
            "orders": {
                "write": {
                    "document": "Mapped",
                    "once": {"kind": "UniqueKey"},
                    "externalId": "ref",
                    "create": {"path": "/sales"},
                    "lookup": {
                        "path": "/sales", "query": {"ref": "{external_id}"}, "records": "sales",
                    },
                    "id": "id",
                }
            }
        },
    }  # fmt: skip
    spec = {
        "entity": "orders",
        "source": {"connectionRef": {"name": "shop"}, "start": "Beginning"},
        "destination": {"connectionRef": {"name": "erp"}},
        "trigger": {"poll": {"every": "1s"}},
        "privacy": {"mask": ["customer.email", "shipping_address", "lines.sku"]},
        "delivery": {"retry": {"attempts": 2, "initial": "100ms", "max": "200ms"}},
        "mapping": {
            "set": {
                "number": "order.number",
                "customer": "order.customer.email",
                "street": "order.shipping_address.city",
                "lines": 'order.lines.map(x, {"sku": x.sku})',
            }
        },
    }
    folder = cluster.folder / "secrets"
    text = {
        "schemaVersion": 1,
        "pipelines": [{"name": "orders", "generation": 1, "spec": spec}],
        "connections": [
            {"name": name, "spec": {"connector": "rest", "config": config,
             "credentials": {"secretRef": {"name": name}}}, "secretDir": str(folder / name)}
            for name, config in (("shop", shop), ("erp", erp))
        ],
        "config": {
            "ledgerFile": str(cluster.ledger_file), "egressAllow": ["127.0.0.1"],
            "listen": f"127.0.0.1:{free_ports(1)[0]}", "lease": "4s", "drain": "10s", "receive": True,
        },
    }  # fmt: skip
    path = cluster.folder / "worker.json"
    path.write_text(json.dumps(text))
    return path


def _spellings(value: str) -> Iterator[str]:
    """Yield a value as it may stand in a text."""
    yield value
    yield quote(value)
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]


def _canaries(*, masked: bool) -> dict[str, str]:
    """Return name -> text, for everything that must not be seen."""
    named = dict(SECRETS)
    pair = f"{SECRETS['erp user']}:{SECRETS['erp password']}"
    named["basic credentials"] = base64.b64encode(pair.encode()).decode()
    if masked:
        for number in TROUBLE:
            named |= {f"{k} of {number}": v.format(number) for k, v in MASKED.items()}
    return {
        f"{name} as {text!r}": text for name, value in named.items() for text in _spellings(value)
    }


def _found(where: str, text: str, *, masked: bool = True) -> list[str]:
    lower = text.lower()
    return [
        f"{where}: {name}: …{text[max(0, at - 80) : at + 60]}…"
        for name, value in _canaries(masked=masked).items()
        if (at := lower.find(value.lower())) >= 0
    ]


def _ledger_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield everything the ledger holds, but payloads, the keys records are found by and the goods
    that orders hold.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute(
            "select name from sqlite_master where type = 'table'"
        )]  # fmt: skip
        for table in tables:
            if table not in ("payloads", "keys", "commitments"):
                rows = connection.execute(f'select * from "{table}"').fetchall()
                yield f"ledger table {table}", "\n".join(map(repr, rows))
    finally:
        connection.close()


def test_no_secret_and_no_masked_value_leaves(tmp_path: Path) -> None:
    debugging = {"KNECT_LOG_LEVEL": "DEBUG", "KNECT_DEBUG": "1"}
    with _careless() as (url, heard):
        with a_cluster(tmp_path, **debugging, OTEL_EXPORTER_OTLP_ENDPOINT=url) as cluster:
            cluster.mount(
                "shop", token=SECRETS["shop token"], webhookSecret=SECRETS["webhook secret"]
            )
            cluster.mount("erp", username=SECRETS["erp user"], password=SECRETS["erp password"])
            cluster.mount_ledger()
            pod = cluster.pod("worker", _document(cluster, url))
            texts: list[tuple[str, str]] = []

            def all_is_decided() -> bool:
                fates = pod.orders().fates
                return sum(fates.values()) == len(TROUBLE) and not fates.get("in_flight")

            until(all_is_decided, "every order has its fate")
            ((path,),) = _ask(cluster, "select value from meta where name = 'webhook-path:shop'")
            pod.post(
                f"/webhooks/shop/{path}", b'{"type": "order", "id": "o1"}', {"X-Signature": "0"}
            )
            pages = ("/status", "/metrics", "/healthz", "/readyz", "/nowhere")
            texts += [(page, pod.get(page)[1]) for page in pages]
            texts += _asked(cluster)
            texts += _looked_at(cluster, tmp_path)
            limits = Path(f"/proc/{pod.process.pid}/limits").read_text()
            assert re.search(r"Max core file size +0 +0 ", limits), "its memory may be written"
            pod.process.terminate()
            pod.process.wait(30)
            texts.append(("the log", pod.log.read_text()))
            texts.append(("the termination message", pod.termination.read_text()))
            texts += [("the collector", body) for body in heard]
            texts += _ledger_texts(cluster.scene.ledger)
        assert heard, "nothing was traced"
        told = dict(_ask(cluster, "select key, message from transactions"))
        assert told.pop("1") is None, "the first one is fine"
        assert all(told.values()), "the others are not"
        assert all("***" in told[number] for number in "2678"), "what they say was quoted"
        assert any('"event": "committed"' in text for where, text in texts if where == "the log")
        leaks = [leak for where, text in texts for leak in _found(where, text)]
        assert not leaks, "\n".join(leaks)


def _asked(cluster: Cluster) -> list[tuple[str, str]]:
    """Ask every command that tells something; what was told."""
    ledger = ("--ledger", str(cluster.scene.ledger))
    texts: list[tuple[str, str]] = []
    ids: set[str] = set()
    for words in (
        ("status",), ("status", "--audit"), ("stuck",), ("unmapped",), ("activity",),
        ("connections",),
        *(("find", number) for number in "268"),
        ("find", MASKED["email"].format(2)),
    ):  # fmt: skip
        for form in ((), ("-o", "json")):
            done = cluster.knect(*words, *ledger, *form)
            told = (done.stdout + done.stderr).replace(" ".join(words), "")
            if words[0] == "find" and "@" in words[1]:
                told = told.replace(words[1], "")  # what was asked for is repeated
            texts.append((" ".join(("knect", *words, *form)), told))
            ids |= set(re.findall(r"\b[0-9a-f]{32}\b", told))
    assert len(ids) >= 3, "the transactions were not found"
    for one in sorted(ids):
        done = cluster.knect("show", one, *ledger)
        texts.append((f"knect show {one}", done.stdout + done.stderr))
    return texts


def _looked_at(cluster: Cluster, folder: Path) -> list[tuple[str, str]]:
    """Follow every link of the console; what its pages say, as they are and unescaped."""
    texts: list[tuple[str, str]] = []
    seen: set[str] = set()
    ahead = ["/"]
    with (
        ConsoleProcess(folder, "--ledger", str(cluster.scene.ledger)) as console,
        httpx.Client(base_url=console.address, follow_redirects=True) as browser,
    ):
        browser.get(console.entrance)
        while ahead:
            path = ahead.pop()
            if path not in seen:
                seen.add(path)
                page = html.unescape(browser.get(path).raise_for_status().text)
                texts.append((f"console {path}", page))
                ahead += re.findall(r'href="(/(?!static)[^"]*)"', page)
        texts.append(("what the console printed", console.printed()))
    assert sum("payload=true" in path for path in seen) >= 3, "the transactions were not found"
    return texts


def _ask(cluster: Cluster, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{cluster.scene.ledger}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


#: How each connector logs in: its config below the URL, and what its Secret has.
LOG_INS: dict[str, tuple[Any, dict[str, str]]] = {
    "shopify": (
        lambda url: {"shop": "acme.myshopify.com", "apiVersion": "2026-04", "baseUrl": url},
        {"clientId": "an app", "clientSecret": HARD},
    ),
    "tryton": (
        lambda url: {"url": url, "database": "acme", "webShop": "Acme"},
        {"username": "knect", "password": HARD},
    ),
    "magento1": (lambda url: {"url": url}, {"apiUser": "knect", "apiKey": HARD}),
    "rest": (
        lambda url: {
            "baseUrl": url, "check": {"path": "/"}, "entities": {},
            "auth": {"kind": "ClientCredentials"},
        },
        {"clientId": "knect", "clientSecret": HARD},
    ),
}  # fmt: skip
QUOTING = {
    "json": ("application/json", lambda said: json.dumps({"error": said}).encode()),
    "php": ("application/json", lambda said: json.dumps({"message": said}).replace("/", "\\/").encode()),
    "page": (
        "text/html",
        lambda said: f"<html><title>Error in {html.escape(said)}</title></html>".encode(),
    ),
    "notice": ("text/html", lambda said: f"Warning: bad {said} on line 7 <br>".encode()),
    "fault": (
        "text/xml",
        lambda said: (
            "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>9"
            "</int></value></member><member><name>faultString</name><value><string>"
            f"{html.escape(said)}</string></value></member></struct></value></fault>"
            "</methodResponse>"
        ).encode(),
    ),
    "wide": ("text/html", lambda said: f"<title>{said}</title>".encode("utf-16")),
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 400, 403, 422, 500])
@pytest.mark.parametrize("how", QUOTING)
@pytest.mark.parametrize("name", LOG_INS)
async def test_a_log_in_that_quotes_what_it_was_sent_is_told_without_it(
    name: str, how: str, status: int
) -> None:
    config, secrets = LOG_INS[name]
    kind, answer = QUOTING[how]
    heard: list[str] = []

    async def quote_all(exchange: Exchange) -> None:
        body = exchange.body.decode()
        heard.append(body)
        said = f"{exchange.head} {html.unescape(body)} {body}"
        if body.startswith("{"):
            said += str(json.loads(body))
        if pair := (exchange.header("authorization") or "").partition("Basic ")[2]:
            said += base64.b64decode(pair).decode()
        text = answer(" ".join(said.split()))
        await exchange.answer(text, status=f"{status} X", headers=f"Content-Type: {kind}\r\n")

    async with raw_server(quote_all) as server:
        connector = open_connector(
            WorkerConnection.model_validate(
                {"name": "acme", "spec": {"connector": name, "config": config(server.url)}}
            ),
            catalog=Catalog.installed(),
            http=ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])),
            clock=FastClock(),
            secrets={key: Secret(value) for key, value in secrets.items()},
        )
        try:
            with pytest.raises(ConnectorError) as caught:
                await connector.check()
        finally:
            await connector.close()
    assert heard, "nobody logged in"
    texts = list(all_texts(caught.value))
    found = [text for text in texts for one in {*_spellings(HARD), "hard-canary"} if one in text]
    assert not found, found


@pytest.mark.parametrize("value", [*SECRETS.values(), MASKED["email"].format(3)])
def test_the_search_finds_what_is_there(value: str) -> None:
    for spelling in set(_spellings(value)):
        assert _found("a text", f"so it is: {spelling}.")
