"""What a call means: classified, reported, redacted."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.sdk.http.clients import a_client, failure_of
from tests.unit.sdk.http.raw_server import Exchange, raw_server

from knect.sdk import errors
from knect.sdk.exchange import Exchange as Reported
from knect.sdk.exchange import recording
from knect.sdk.http import Response, read_http_date, read_retry_after, redact
from knect.sdk.secret import Secret

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


class Recorder:
    def __init__(self) -> None:
        self.ended: list[Reported] = []

    def begin(self, *, method: str, template: str, host: str) -> Reported:
        return Reported(
            id="0af7651916cd43dd8448eb211c80319c",
            span_id="b7ad6b7169203331",
            method=method,
            template=template,
            host=host,
            started=NOON,
        )

    def end(self, exchange: Reported) -> None:
        self.ended.append(exchange)


class Token:
    """An auth whose first token is refused."""

    def __init__(self) -> None:
        self.current = "first-token"
        self.renewals = 0

    async def headers(self) -> Mapping[str, Secret]:
        return {"Authorization": Secret(f"Bearer {self.current}")}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        self.renewals += 1
        self.current = "second-token"
        return self.renewals == 1


@pytest.mark.parametrize(
    ("status", "expected", "answered"),
    [
        (400, errors.Refused, True),
        (401, errors.CredentialsRejected, True),
        (402, errors.WaitForPerson, True),
        (403, errors.ScopeMissing, True),
        (404, errors.Fatal, True),
        (408, errors.UnexpectedAnswer, False),
        (409, errors.Refused, True),
        (410, errors.Fatal, True),
        (422, errors.Refused, True),
        (429, errors.Throttled, True),
        (500, errors.UnexpectedAnswer, False),
        (502, errors.Unreachable, False),
        (503, errors.Unreachable, False),
        (504, errors.Unreachable, False),
        (599, errors.UnexpectedAnswer, False),
        (301, errors.Unreachable, False),
    ],
)
async def test_status(status: int, expected: type[errors.ConnectorError], answered: bool) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(
            b'{"errors": [{"message": "no such\\n  luck"}]}', status=f"{status} X"
        )

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
        accepted = await client.request("GET", "/x", template="/x", accept={status})
    assert type(error) is expected
    assert error.answered is answered
    assert error.code == str(status)
    assert "no such luck" in error.message
    assert accepted.status == status


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"<!DOCTYPE html><h1>Log in</h1>", "text/html", errors.Unreachable),
        (b"<!DOCTYPE html><h1>Log in</h1>", "application/json", errors.Unreachable),
        (b"Service OK", "text/html; charset=utf-8", errors.Unreachable),
        (b"<Error/>", "application/xml", errors.Unreachable),
        (b'{"a": 1', "application/json", errors.UnexpectedAnswer),
        (b'{"a": "\xff"}', "application/json", errors.UnexpectedAnswer),
        (b"[" * 1_000, "application/json", errors.UnexpectedAnswer),
    ],
)
async def test_success_that_is_none(
    body: bytes, kind: str, expected: type[errors.ConnectorError]
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(body, headers=f"Content-Type: {kind}\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert type(error) is expected
    assert error.could_have_been_seen is True


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "2.0"}, 2.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, 86_400.0),
        ({"retry-after": "Fri, 02 Jan 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Fri, 02 Jan 2026 11:00:00 GMT"}, 0.0),
        # Our clock is an hour off; the server's own Date counts.
        (
            {
                "retry-after": "Fri, 02 Jan 2026 13:00:05 GMT",
                "date": "Fri, 02 Jan 2026 13:00:00 GMT",
            },
            5.0,
        ),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, NOON) == seconds


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Mon, 01 Jan 2026 99:00:00 GMT",
        "\ufffd",
        "",
    ],
)
def test_a_date_in_no_year_there_is_is_none(date: str) -> None:
    assert read_http_date(date) is None
    assert read_retry_after({"retry-after": date}, NOON) is None


async def test_every_call_is_reported_with_its_traceparent() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b'{"ok": true}')

    recorder = Recorder()
    async with raw_server(respond) as server, a_client(server.url) as client:
        with recording(recorder):
            await client.request(
                "POST", "/orders/1?key=v", template="/orders/{id}", content=b"12345"
            )
        sent = server.exchanges[0].header("traceparent")
    (call,) = recorder.ended
    assert sent == call.traceparent
    assert (call.method, call.template, call.host) == ("POST", "/orders/{id}", "127.0.0.1")
    assert (call.status, call.error, call.request_bytes, call.response_bytes) == (200, None, 5, 12)
    assert call.could_have_been_seen is True
    assert call.duration_ms > 0


async def test_a_cancelled_call_is_reported_with_what_had_left() -> None:
    arrived = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        arrived.set()
        await exchange.reader.read()

    recorder = Recorder()
    async with raw_server(hang) as server, a_client(server.url) as client:
        with recording(recorder):
            task = asyncio.create_task(failure_of(client))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [(call.error, call.could_have_been_seen) for call in recorder.ended] == [
        ("CancelledError", True)
    ]


async def test_a_call_that_never_left_is_reported_so() -> None:
    recorder = Recorder()
    async with a_client("https://no-such-host.invalid") as client:
        with recording(recorder):
            await failure_of(client)
    assert [(call.error, call.could_have_been_seen) for call in recorder.ended] == [
        ("Unreachable", False)
    ]


async def test_rejected_credentials_are_renewed_once() -> None:
    async def respond(exchange: Exchange) -> None:
        good = exchange.header("authorization") == "Bearer second-token"
        await exchange.answer(status="200 OK" if good else "401 Unauthorized")

    auth = Token()
    async with raw_server(respond) as server, a_client(server.url, auth=auth) as client:
        assert (await client.request("GET", "/x", template="/x")).status == 200
        assert auth.renewals == 1
        auth.current = "revoked"
        error = await failure_of(client)
    assert isinstance(error, errors.CredentialsRejected)
    assert auth.renewals == 2


class Lost(Token):
    """An auth whose token endpoint answers nobody."""

    def __init__(self, *, from_the_start: bool) -> None:
        super().__init__()
        self.from_the_start = from_the_start

    async def headers(self) -> Mapping[str, Secret]:
        if self.from_the_start:
            raise errors.Unreachable("no token")
        return await super().headers()

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        raise errors.Unreachable("no token")


@pytest.mark.parametrize("from_the_start", [True, False])
async def test_a_token_that_cannot_be_had_leaves_the_call_unseen(from_the_start: bool) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(status="401 Unauthorized")

    auth = Lost(from_the_start=from_the_start)
    async with raw_server(refuse) as server, a_client(server.url, auth=auth) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.Unreachable)
    assert error.could_have_been_seen is False


async def test_credentials_stay_at_their_origin() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer()

    async with (
        raw_server(respond) as own,
        raw_server(respond) as foreign,
        a_client(own.url, auth=Token()) as client,
    ):
        await client.request("GET", "/x", template="/x")
        await client.request("GET", f"{foreign.url}/x", template="/x")
        async with client.stream(f"{foreign.url}/bulk", template="/bulk") as pieces:
            assert b"".join([piece async for piece in pieces]) == b"{}"
        assert not client.owns(f"{foreign.url}/next")
        assert client.owns(f"{own.url}/next")
        for elsewhere in (".evil.example/x", "@evil.example/x", ":1/x", "ftp://evil.example/x"):
            assert not client.owns(elsewhere), elsewhere
        for here in ("/next", "?page=2", "//evil.example/x", "/x?back=https://evil.example"):
            assert client.owns(here), here
    assert own.exchanges[0].header("authorization") == "Bearer first-token"
    assert [one.header("authorization") for one in foreign.exchanges] == [None, None]


async def test_credentials_in_an_address_are_not_sent() -> None:
    async with raw_server(Exchange.answer) as server:
        address = server.url.replace("://", "://ana:hunter2@")
        async with a_client(address) as client:
            error = await failure_of(client)
        async with a_client(server.url) as client:
            foreign = await failure_of(client, url=f"{address}/next")
        assert server.exchanges == []
    for one in (error, foreign):
        assert isinstance(one, errors.Fatal)
        assert one.could_have_been_seen is False
        assert "put them into the Connection's Secret" in one.message
        assert "hunter2" not in one.message


async def test_no_secret_in_any_text_of_an_error() -> None:
    async def echo(exchange: Exchange) -> None:
        said = f'{{"message": "bad {exchange.header("authorization")} at {exchange.head[:60]}"}}'
        await exchange.answer(said.replace("\r\n", " ").encode(), status="400 Bad")

    canary = "canary-8f2d"
    texts: list[str] = []
    async with raw_server(echo) as server:
        for url in (server.url, f"http://127.0.0.1:1/{canary}", "https://nope.invalid"):
            async with a_client(url, auth=Token()) as client:
                try:
                    await client.request(
                        "POST",
                        f"/x?token={canary}",
                        template="/x",
                        headers={
                            "X-Shop-Access-Token": canary,
                            "X-Other": Secret(f"Bearer {canary}"),
                        },
                    )
                except errors.ConnectorError as error:
                    texts += all_texts(error)
    assert len(texts) >= 5
    assert not [text for text in texts if canary in text or "first-token" in text]


def all_texts(error: BaseException | None) -> list[str]:
    if error is None:
        return []
    own = [str(error), repr(error), *map(repr, vars(error).values())]
    return own + all_texts(error.__cause__) + all_texts(error.__context__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://u:p@h.example/a?token=1#f failed", "GET https://h.example/a failed"),
        ("HTTPS://h/?a=b", "HTTPS://h/"),
        ("say s3cret twice: s3cret", "say *** twice: ***"),
        ("nothing here", "nothing here"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text, {"s3cret"}) == expected


@pytest.mark.parametrize(
    ("secret", "quoted"),
    [
        ("tok/en+1", "you sent tok/en+1"),
        ("tok/en+1", "you sent tok\\/en+1"),
        ("tok/en+1", "/x?key=tok%2Fen%2B1"),
        ("Basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNzd29yZDE= is user with password1"),
        ("tok<en>&'1", "you sent tok&lt;en&gt;&amp;&#039;1"),
        ('token"1', 'you sent token"1'),
        ("token-1", "you sent dG9rZW4tMQ=="),
        ("Session dXNlcjo3OnRva2VuLTE=", "you are user:7:token-1"),
    ],
)
async def test_an_answer_that_quotes_its_request_is_told_without_the_secret(
    secret: str, quoted: str
) -> None:
    async def quote_it(exchange: Exchange) -> None:
        await exchange.answer(json.dumps({"said": quoted}).replace("\\\\", "\\").encode())

    async with raw_server(quote_it) as server, a_client(server.url) as client:
        headers = {"Authorization": Secret(secret)}
        answer = await client.request("GET", "/x", template="/x", headers=headers)
    assert "***" in answer.data["said"]
    assert not re.search("tok|password1|dXNl", f"{answer.body!r} {answer.data}")


def test_a_sentence_is_one_line_whatever_a_remote_put_into_it() -> None:
    error = errors.Refused("no:\r\n\x1b[31mred " + "x" * 5_000)
    assert str(error) == error.message
    assert error.message.startswith("no: \x1b[31mred xxx")
    assert len(error.message) == 1_000


async def test_body_reaches_the_server_exactly() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer()

    big: Any = {"price": "1.10", "text": "ü" * 200_000}
    async with raw_server(respond) as server, a_client(server.url) as client:
        answer = await client.request("PUT", "/x", template="/x", json=big, params={"q": "a b&c"})
        (received,) = server.exchanges
    assert isinstance(answer, Response)
    assert len(received.body) == len('{"price":"1.10","text":""}') + 400_000
    assert received.head.startswith("PUT /x?q=a%20b%26c HTTP/1.1") or "q=a+b%26c" in received.head
    assert received.header("content-type") == "application/json"
