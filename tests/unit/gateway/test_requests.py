"""What a request may be, and what it is told when it is not: over HTTP, on a real PostgreSQL."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway.apiserver import FakeApiServer
from tests.support.gateway.ledgers import SKU, filled, some
from tests.support.gateway.process import Answer, ApiProcess, ask
from tests.support.ledgers import on_postgres, server
from tests.unit.ledger.book import Book
from tests.unit.sdk.simulated_clock import SimulatedClock

from knect.gateway.account import KubeconfigAccount
from knect.gateway.apiserver import ApiServer
from knect.gateway.refusal import Refusal
from knect.gateway.server import Bounds, Gateway
from knect.gateway.shelf import Shelf
from knect.sdk.secret import Secret
from knect.seams import SystemClock

SHOPS = "/v1/namespaces/shops"


async def many(book: Book) -> None:
    """600 orders that wait for 600 products, one of them with words of SQL."""
    for number in range(600):
        await book.see(f"o{number}", keys=[("number", f"o{number}"), ("email", "a@b.c")])
    claimed = await book.claim()
    for row in claimed:
        value = f"K'{row.source_id}\"; drop table transactions; --"
        await book.end([row], "waiting", **{**SKU, "value": value, "waits_for": f"sku:{value}@erp"})


class Scene:
    def __init__(self, cluster: FakeApiServer, api: ApiProcess) -> None:
        self.cluster, self.api = cluster, api

    def ask(self, path: str, *, token: str | None = "ana", **sent: Any) -> Answer:
        answer = ask(f"{self.api.url}{path}", token=token, **sent)
        assert "Traceback" not in answer.text
        assert "postgresql" not in answer.text
        return answer


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("api")
    with on_postgres(), FakeApiServer() as cluster:
        cluster.person("ana", "ana", audiences=["knect-api"])
        for namespace in ("shops", "many", "none", "file"):
            cluster.rights |= {("ana", verb, namespace) for verb in ("get", "update")}
        cluster.dsns["shops"] = filled("shops", some)
        cluster.dsns["many"] = filled("many", many)
        cluster.dsns["file"] = "/etc/passwd"
        with ApiProcess(cluster.kubeconfig(folder / "config"), folder) as api:
            yield Scene(cluster, api)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (f"{SHOPS}/find", 400, "say what to find"),
        (f"{SHOPS}/find?key=", 400, "say what to find"),
        (f"{SHOPS}/find?key=a%00b", 400, "none of them NUL"),
        (f"{SHOPS}/find?key={'x' * 600}", 400, "at most 512 characters"),
        (f"{SHOPS}/find?key=1001&limit=-1", 400, "limit has to be a number"),
        (f"{SHOPS}/find?key=1001&offset=1e3", 400, "offset has to be a number"),
        (f"{SHOPS}/stuck?limit=%D9%A3", 400, "limit has to be a number"),
        (f"{SHOPS}/transactions/12345", 400, "is too short"),
        (f"{SHOPS}/transactions/12345%00", 400, "none of them NUL"),
        (f"{SHOPS}/transactions/0000000000", 404, "the ledger knows no transaction 0000000000"),
        (f"{SHOPS}/status?pipeline=nope", 404, "the ledger knows no pipeline 'nope'"),
        ("/v1/namespaces/none/status", 404, "no Secret knect-ledger"),
        ("/v1/namespaces/file/status", 503, "names no ledger of this namespace"),
        ("/v1/namespaces/UPPER/status", 400, "no name of a namespace"),
        (f"/v1/namespaces/{'a' * 64}/status", 400, "no name of a namespace"),
        ("/v1/namespaces/a%2Fb/status", 404, ""),
        ("/v1/namespaces/..%2fkube-system/status", 404, ""),
        ("/v1/namespaces/a%0A/status", 400, "no name of a namespace"),
        ("/v1/nothing", 404, ""),
        (f"{SHOPS}/retry", 405, ""),
        (f"{SHOPS}/transactions?fate=lost", 400, "there is no fate lost; there are: delivered"),
        (f"{SHOPS}/transactions?since_us=-1", 400, "since_us has to be a number"),
        (f"{SHOPS}/transactions?before=9999999999999999999", 400, "before has to be a number"),
        (f"{SHOPS}/transactions?pipeline=nope", 404, "knows no pipeline"),
        (f"{SHOPS}/transactions?limit=x", 400, "limit has to be"),
    ],
)
def test_a_question_that_cannot_be_answered(
    scene: Scene, path: str, status: int, says: str
) -> None:
    answer = scene.ask(path)
    assert (answer.status, says in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(
    ("path", "raw", "status", "says"),
    [
        ("retry", b"", 400, "the body is not what it has to be"),
        ("retry", b"{", 400, "the body is not what it has to be"),
        ("retry", b"[]", 400, "the body is not what it has to be"),
        ("retry", b'{"words": "1002"}', 400, "the body is not what it has to be"),
        ("retry", b'{"actor": "root", "words": ["1002"]}', 400, "unknown field `actor`"),
        ("retry", b'{"words": ["\\ud800"]}', 400, "the body is not what it has to be"),
        ("retry", b"[" * 50_000, 400, "the body is not what it has to be"),
        ("retry", b" " * 70_000, 413, "larger than 65536 bytes"),
        ("retry", b"{}", 400, "say what to retry"),
        ("retry", b'{"words": ["a\\u0000"]}', 400, "none of them NUL"),
        ("retry", b'{"words": ["nope"]}', 404, "nothing to retry there"),
        ("skip", b'{"words": ["1002"]}', 400, "say why"),
        ("skip", b'{"words": ["1002"], "reason": ""}', 400, "say why"),
        ("edit", b'{"words": ["1002"], "reason": "x"}', 400, "say what to set: --set PATH=VALUE"),
        ("edit", b'{"words": ["1002"], "edits": [{"path": "note", "value": "y"}]}', 400, "say why"),
        (
            "edit",
            b'{"words": ["1002"], "reason": "x", "edits": [{"path": "number", "value": "7"}]}',
            400,
            "number says which record it is; that is not edited",
        ),
        (
            "edit",
            b'{"words": ["1002"], "reason": "x", "edits": [{"path": "note"}]}',
            400,
            "missing required field `value`",
        ),
        (
            "retry",
            b'{"words": ["1002"], "edits": [{"path": "note", "value": "y"}]}',
            400,
            "only edit sets fields",
        ),
        (
            "edit",
            b'{"words": ["1002"], "reason": "x", "edits": [{"path": "note", "value": "'
            + b"y" * 600
            + b'"}]}',
            400,
            "at most 512 characters",
        ),
        ("unmapped", b'{"kind": "sku", "value": "KN 9"}', 400, "missing required field"),
        ("unmapped", b'{"kind": "", "value": "a", "mapped": "b"}', 400, "say what the value is"),
        ("unmapped", b'{"kind": "sku", "value": "no", "mapped": "b"}', 400, "waited for at: none"),
    ],
)
def test_a_wish_that_cannot_be_carried_out(
    scene: Scene, path: str, raw: bytes, status: int, says: str
) -> None:
    answer = scene.ask(f"{SHOPS}/{path}", raw=raw)
    assert (answer.status, says in answer.text) == (status, True), answer.text


def test_nothing_is_read_of_somebody_unknown(scene: Scene) -> None:
    """No body, no namespace, no ledger: who is asking comes first."""
    before = len(scene.cluster.asked("knect-ledger"))
    for path in (f"{SHOPS}/status", "/v1/namespaces/UPPER/status"):
        for token in (None, "", "eve"):
            assert scene.ask(path, token=token).status == 401
    assert scene.ask(f"{SHOPS}/retry", token="eve", raw=b" " * 70_000).status == 401
    assert scene.ask("/v1/namespaces/foreign/status").status == 403
    assert len(scene.cluster.asked("knect-ledger")) == before


def test_words_of_sql_are_words(scene: Scene) -> None:
    for text in (
        "'; drop table transactions; --", "1' or '1'='1", "%", "_", "\\", "1001%25", "$1", ":key",
        "\u202e1001", "a\nb", "😀",
    ):  # fmt: skip
        from urllib.parse import quote  # noqa: PLC0415

        got = scene.ask(f"{SHOPS}/find?key={quote(text)}")
        assert (got.status, got.body["items"]) == (200, []), text
        assert scene.ask(f"{SHOPS}/status?pipeline={quote(text)}").status == 404
        assert scene.ask(f"{SHOPS}/retry", wish={"words": [text, text * 9]}).status in (400, 404)
        assert scene.ask(f"{SHOPS}/retry", wish={"because": text}).status == 404
        assert scene.ask(f"{SHOPS}/transactions/{quote(text * 6)}").status in (400, 404)
    assert scene.ask(f"{SHOPS}/status").body["sums"][0]["seen"] == 4


def test_pages_end_and_go_on(scene: Scene) -> None:
    many_ = "/v1/namespaces/many"
    first = scene.ask(f"{many_}/stuck").body
    assert (len(first["items"]), first["truncated"]) == (500, True)
    second = scene.ask(f"{many_}/stuck?offset=500").body
    assert (len(second["items"]), second["truncated"]) == (100, False)
    values = {one["value"] for page in (first, second) for one in page["items"]}
    assert len(values) == 600
    assert len(scene.ask(f"{many_}/stuck?limit=9999").body["items"]) == 500
    assert len(scene.ask(f"{many_}/unmapped?limit=7&offset=3").body["items"]) == 7
    found = scene.ask(f"{many_}/find?key=a@b.c").body
    assert (len(found["items"]), found["truncated"]) == (50, True)
    last = scene.ask(f"{many_}/find?key=a@b.c&offset=590").body
    assert (len(last["items"]), last["truncated"]) == (10, False)
    too_many = scene.ask(f"{many_}/retry", wish={"everything": True})
    assert too_many.status == 400
    assert "600 transactions would be affected; add --yes" in too_many.text
    words = {"words": [f"o{n}" for n in range(501)]}
    assert "use --because REASON" in scene.ask(f"{many_}/retry", wish=words).text


def test_what_hides_values_stays_inside(scene: Scene) -> None:
    (one,) = scene.ask(f"{SHOPS}/find?key=1001").body["items"]
    assert (one["hidden"], one["mapping_body"]) == (None, None)
    shown = scene.ask(f"{SHOPS}/transactions/{one['id']}?payload=true").body
    assert shown["payloads"]["source"] == '{"id":"1001","token":"1"}'
    assert (shown["one"]["hidden"], shown["one"]["mapping_body"]) == (None, None)


def test_answers_are_not_kept_on_the_way(scene: Scene) -> None:
    import urllib.request  # noqa: PLC0415

    request = urllib.request.Request(
        f"{scene.api.url}{SHOPS}/status", headers={"Authorization": "Bearer ana"}
    )
    with urllib.request.urlopen(request, timeout=30) as got:
        assert got.headers["Cache-Control"] == "no-store"


def test_no_more_than_so_many_at_once_and_each_with_an_end(scene: Scene, tmp_path: Path) -> None:
    """In this process: the bounds are small here, and the cluster slow."""
    import httpx  # noqa: PLC0415

    with FakeApiServer() as slow:
        slow.delay = 1.5

        async def work() -> tuple[list[int], str]:
            clock = SystemClock()
            api = ApiServer(KubeconfigAccount(slow.kubeconfig(tmp_path / "config")), clock)
            gateway = Gateway(api, clock, bounds=Bounds(in_flight=2, seconds=0.5))
            transport = httpx.ASGITransport(app=gateway.application())
            async with (
                gateway.open(),
                httpx.AsyncClient(transport=transport, base_url="http://x") as http,
            ):
                headers = {"Authorization": "Bearer ana"}
                asking = [http.get(f"{SHOPS}/status", headers=headers) for _ in range(5)]
                answers = await asyncio.gather(*asking)
                late = await http.post(f"{SHOPS}/retry", headers=headers, content=b"{}")
                return [one.status_code for one in answers], late.text

        statuses, late = asyncio.run(work())
    assert sorted(statuses) == [503, 503, 503, 504, 504]
    assert "it may still be done, look before you ask again" in late


def test_many_ask_at_once(scene: Scene) -> None:
    statuses: list[int] = []

    def one() -> None:
        statuses.extend(scene.ask(f"{SHOPS}/find?key=1001").status for _ in range(5))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60
    database = scene.cluster.dsns["shops"].rpartition("/")[2]
    theirs = f"datname = '{database}' and application_name <> 'psql'"  # that one empties it
    open_now = server().sql(f"select count(*) from pg_stat_activity where {theirs}")
    assert int(open_now) <= 6


async def test_the_shelf_keeps_few_and_closes_the_idle(scene: Scene) -> None:
    clock, asked = SimulatedClock(), []

    async def dsn_of(namespace: str) -> Secret | None:
        asked.append(namespace)
        dsn = scene.cluster.dsns.get(namespace)
        return Secret(dsn) if dsn else None

    shelf = Shelf(dsn_of, clock, most=1)
    async with shelf.reading("shops") as first:
        async with shelf.reading("shops") as again:
            assert again is first
        assert asked == ["shops"]
        async with shelf.reading("many"):
            assert len(shelf) == 2  # what is in use is not closed
    async with shelf.reading("shops") as third:
        assert (third is first, len(shelf)) == (True, 1)
    clock.seconds += 3
    async with shelf.reading("shops"):
        assert asked.count("shops") == 2
    clock.seconds += 100
    await shelf.tidy()
    assert len(shelf) == 1
    clock.seconds += 21
    await shelf.tidy()
    assert len(shelf) == 0
    for namespace in ("none", "file"):
        with pytest.raises(Refusal):
            async with shelf.reading(namespace):
                pass
    assert len(shelf) == 0
    await shelf.close()


async def test_a_changed_secret_leaves_who_reads_alone(scene: Scene) -> None:
    clock = SimulatedClock()
    dsns = {"shops": scene.cluster.dsns["shops"]}

    async def dsn_of(namespace: str) -> Secret | None:
        return Secret(dsns[namespace]) if namespace in dsns else None

    shelf = Shelf(dsn_of, clock)
    async with shelf.reading("shops") as old:
        clock.seconds += 5
        dsns["shops"] += "?connect_timeout=5"
        async with shelf.reading("shops") as new:
            assert new is not old
            assert await old.read(lambda c: c.exec_driver_sql("select 1").scalar()) == 1
        clock.seconds += 5
        del dsns["shops"]
        with pytest.raises(Refusal, match="no Secret"):
            async with shelf.reading("shops"):
                pass
        assert await old.read(lambda c: c.exec_driver_sql("select 1").scalar()) == 1
    assert len(shelf) == 0
    await shelf.close()


async def test_a_ledger_without_an_owner_is_nobody_s(scene: Scene) -> None:
    real = server()
    database = real.fresh_database()
    from knect.ledger import open_ledger  # noqa: PLC0415

    await (await open_ledger(real.dsn(database))).close()

    async def dsn_of(_namespace: str) -> Secret | None:
        return Secret(real.dsn(database))

    shelf = Shelf(dsn_of, SystemClock())
    with pytest.raises(Refusal, match="names no ledger of this namespace"):
        async with shelf.reading("shops"):
            pass
    await (await open_ledger(real.dsn(database), namespace="shops")).close()
    async with shelf.reading("shops"):
        pass
    await shelf.close()
