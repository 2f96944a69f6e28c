"""Bad input loses nothing and ends in a sentence: what the engine makes of it.

What each layer is given, and says, is tried where that layer is tested:

    malformed, truncated, wrong content type, HTML with 200   sdk/http/test_client, test_truth
    GraphQL errors with 200, missing scope, a field gone      shopify/tests/test_errors
    forged, foreign, ancient, 20-hour-old webhooks            shopify/tests/test_webhooks
    odd texts, money beyond floats, values of other types     shopify/tests/test_mapping
    expressions that loop, explode, divide by zero            unit/mapping/test_nasty, test_errors
    bad documents                                             unit/api/test_bad_documents
    full disk, read-only, newer, foreign, damaged ledgers     unit/ledger/test_opening, _group_commit
    the same through commands                                 unit/cli/test_asking
    masked values                                             unit/engine/test_masking
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import Request
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.receiver import Receiver
from knect.ledger import schema as s
from knect.ledger.questions.flow import pipeline_flow
from knect.ledger.questions.queries import coverage, equations, find
from knect.ledger.store.errors import LedgerFull
from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.errors import (
    BadRecord,
    CredentialsRejected,
    Fatal,
    ScopeMissing,
    UnexpectedAnswer,
)


async def _only(world: World) -> Any:
    (row,) = await world.transactions()
    (sum_,) = await world.ledger.read(equations)
    assert sum_.balanced
    return row


@pytest.mark.parametrize(
    ("order", "reason", "field", "value"),
    [
        ({"total": "20.001"}, "BadAmount", "totals.total", "20.001"),
        ({"total": 19.99}, "TotalsMismatch", "totals.total", "19.99"),
        ({"total": "NaN"}, "BadAmount", "totals.total", "NaN"),
        ({"total": "1E+40"}, "BadAmount", "totals.total", "1E+40"),
        ({"total": "19.99"}, "TotalsMismatch", "totals.total", "19.99"),
        ({"currency": "EUX"}, "UnknownCurrency", "currency", "EUX"),
        ({"currency": "JPY", "total": "20.50"}, "BadAmount", "totals.total", "20.50"),
        ({"quantity": "-2"}, "BadQuantity", "lines[0].quantity", "-2"),
        ({"quantity": "Infinity"}, "BadQuantity", "lines[0].quantity", "Infinity"),
        ({"price": "sNaN"}, "BadAmount", "lines[0].unit_price", "sNaN"),
    ],
)
async def test_what_cannot_be_is_rejected_by_field_and_value(
    tmp_path: Path, order: dict[str, Any], reason: str, field: str, value: str
) -> None:
    line = {"sku": "KN-1", "quantity": "2", "price": "10.00"}
    line |= {k: order[k] for k in ("quantity", "price") if k in order}
    async with World(tmp_path) as world:
        given = {k: v for k, v in order.items() if k not in line}
        world.shop.put("g1", **an_order(**{"lines": [line], **given}))
        world.clock.advance(60)
        await world.run()
        row = await _only(world)
        assert (row.fate, row.reason, row.field) == ("rejected", reason, field)
        assert row.value == value
        assert row.message
        assert row.acts == "merchant"
        assert world.erp.documents == {}


@pytest.mark.parametrize(
    ("quantity", "total"), [("0", "0.00"), ("0.125", "1.25"), ("2.000", "20.00")]
)
async def test_quantities_that_can_be_are_delivered(
    tmp_path: Path, quantity: str, total: str
) -> None:
    async with World(tmp_path) as world:
        line = {"sku": "KN-1", "quantity": quantity, "price": "10.00"}
        world.shop.put("g1", **an_order(lines=[line], total=total))
        world.clock.advance(60)
        await world.run()
        assert (await _only(world)).fate == "delivered"


@pytest.mark.parametrize(
    "text",
    [
        "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}",
        "שלום עולם",
        "a\u202egnp.exe",
        "\x1b[31mred\x07",
        "\x00",
    ],
)
async def test_odd_letters_arrive_as_they_were(tmp_path: Path, text: str) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order(text or "x", note=text))
        world.clock.advance(60)
        await world.run()
        assert (await _only(world)).fate == "delivered"
        (document,) = world.erp.documents.values()
        assert (document["note"], document["number"]) == (text, text)
        assert len(await world.ledger.read(lambda c: find(c, "g1"))) == 1


async def test_ten_megabytes_are_one_record_like_any_other(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        note = os.urandom(5_000_000).hex()
        world.shop.put("g1", **an_order(note=note))
        world.shop.put("g2", **an_order("1002"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert {len(d["note"] or "") for d in world.erp.documents.values()} == {10_000_000, 0}


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("1 / 0", "zero"),
        ("order.lines.map(x, order.lines.map(y, order.lines.map(z, order.lines)))", "steps"),
        ("order.customer.email.vat", "email"),
    ],
)
async def test_an_expression_that_fails_stops_its_record_and_names_itself(
    tmp_path: Path, expression: str, says: str
) -> None:
    async with World(tmp_path, a_pipeline(mapping={"set": {"note": expression}})) as world:
        lines = [{"sku": "KN-1", "quantity": "1", "price": "0.10"}] * 200
        world.shop.put("g1", **an_order(lines=lines))
        world.clock.advance(60)
        await world.run()
        row = await _only(world)
        assert (row.fate, row.reason, row.acts) == ("rejected", "MappingError", "engineer")
        assert says in row.message


async def test_an_admit_rule_that_is_neither_true_nor_false_is_an_error(tmp_path: Path) -> None:
    rule = {"when": "order.note", "then": "Skip", "reason": "has a note"}
    async with World(tmp_path, a_pipeline(mapping={"admit": [rule]})) as world:
        world.shop.put("g1", **an_order(note="hello"))
        world.clock.advance(60)
        await world.run()
        row = await _only(world)
        assert (row.fate, row.reason) == ("rejected", "MappingError")
        assert "not true or false" in row.message


async def test_nothing_after_much_is_suspicious_and_the_cursor_stays(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for hour in range(30):
            for i in range(10):
                world.shop.put(f"g{hour}-{i}", **an_order(f"{hour}-{i}"))
            world.clock.advance(3600)
            await world.run()
        (before,) = await world.ledger.read(coverage)
        world.shop.put("unseen", **an_order("unseen"))
        world.shop.silent = True
        world.clock.advance(6 * 3600)
        (error,) = await world.run()
        assert error.code == "SuspiciousSilence"
        assert "answered with nothing since" in error.message
        assert "check permissions and filters there" in error.message
        (after,) = await world.ledger.read(coverage)
        assert after.complete_until_us == before.complete_until_us
        assert after.reason == "SuspiciousSilence"
        assert after.failing_since_us is not None
        world.shop.silent = False
        assert await world.run() == []
        assert len(await world.ledger.read(lambda c: find(c, "unseen"))) == 1
        (good,) = await world.ledger.read(coverage)
        assert good.complete_until_us > before.complete_until_us
        assert good.failure is None


@pytest.mark.parametrize(
    "error",
    [
        UnexpectedAnswer("an HTML page instead of JSON"),
        ScopeMissing("the token may not read_orders: grant it in the app's settings"),
        CredentialsRejected("the access token was refused"),
        BadRecord("the list of orders has no edges", path="orders.edges", value="null"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_read_that_fails_halfway_keeps_what_it_had_and_goes_on_there(
    tmp_path: Path, error: Any
) -> None:
    async with World(tmp_path, a_pipeline(delivery={"retry": {"attempts": 1}})) as world:
        world.shop.page_size = 5
        for i in range(12):
            world.shop.put(f"g{i:02}", **an_order(str(i)))
            world.clock.advance(1)
        world.shop.after_page = lambda number: (
            world.shop.fail_next.append(error) if number == 1 else None
        )
        assert await world.run() == [error]
        assert await world.fates() == ["delivered"] * 5
        (feed,) = await world.ledger.read(coverage)
        assert feed.failure == error.message
        assert feed.complete_until_us == 0
        world.shop.after_page = None
        assert await world.run() == []
        assert await world.fates() == ["delivered"] * 12
        assert len(world.erp.documents) == 12
        (sum_,) = await world.ledger.read(equations)
        assert (sum_.seen, sum_.balanced) == (12, True)


@pytest.mark.sqlite_only("the disk of a database server is not ours")
async def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for i in range(200):
            world.shop.put(f"g{i}", **an_order(str(i), note=os.urandom(3000).hex()))
        world.clock.advance(60)

        def limit(pages: int) -> Any:
            return lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar()

        pages = await world.ledger.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
        await world.ledger.write(limit(int(pages or 0) + 120))
        with pytest.raises(LedgerFull, match="nothing was lost: free some space"):
            await world.run()
        (sum_,) = await world.ledger.read(equations)
        assert sum_.balanced
        await world.ledger.write(limit(1_000_000))
        world.clock.advance(120)  # leases of what could not be committed have run out
        await world.run()
        assert set(await world.fates()) == {"delivered"}
        assert len(world.erp.documents) == 200
        (sum_,) = await world.ledger.read(equations)
        assert (sum_.seen, sum_.balanced) == (200, True)


class _Hooks:
    """Signs nothing: what is tried here is the door, not the lock."""

    def verify(self, request: WebhookRequest) -> list[Hint]:
        if request.headers.get("signature") != "good":
            raise CredentialsRejected("forged: the signature of canary-secret is wrong")
        return [Hint(entity="orders", id=request.body.decode(), event_id=request.headers["event"])]


async def _post(receiver: Receiver, secret: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    sent = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return sent.pop()

    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "path_params": {"connection": "shop", "secret": secret},
    }  # fmt: skip
    answer = await receiver.receive(Request(scope, receive))
    return answer.status_code, bytes(answer.body)


async def test_webhooks_are_hints_at_most(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A forged one is refused without a word why, a repeated one counts once."""
    async with World(tmp_path) as world:
        arrived: list[str] = []
        receiver = Receiver(
            ledger=world.ledger, webhooks={"shop": _Hooks()}, paths={"shop": "door"},  # type: ignore[dict-item]
            clock=world.clock, arrived=arrived.append,
        )  # fmt: skip
        good = {"signature": "good", "event": "e1"}
        assert await _post(receiver, "wrong", b"g1", **good) == (404, b"not found")
        assert await _post(receiver, "door", b"g1") == (401, b"unauthorized")
        assert await _post(receiver, "door", b"x" * (11 * 1024 * 1024), **good) == (
            413,
            b"too large",
        )
        assert arrived == []
        for _ in range(3):
            assert await _post(receiver, "door", b"g1", **good) == (200, b"ok")
        hints = await world.ledger.read(lambda c: c.execute(select(s.inbox)).all())
        assert len(hints) == 1
        assert "canary-secret" not in caplog.text
        # what it named is fetched: its state now, not what was sent
        world.shop.put("g1", **an_order())
        worker = world.worker()
        await worker.start()
        assert await worker.feeds[0].look_at_hints() == 1
        assert world.shop.fetched == ["g1"]
        await worker.close()


class _Odd:
    """Fails on what it was sent, or reads ids in it that are none."""

    def verify(self, request: WebhookRequest) -> list[Hint]:
        if not request.body:
            raise KeyError("canary-secret")
        ids = request.body.decode().split()
        return [Hint(entity="orders", id=one, event_id=one[-600:]) for one in ids]


async def test_a_webhook_nobody_foresaw_is_refused_like_any_other(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        receiver = Receiver(
            ledger=world.ledger, webhooks={"shop": _Odd()}, paths={"shop": "door"},  # type: ignore[dict-item]
            clock=world.clock,
        )  # fmt: skip
        assert await _post(receiver, "door", b"") == (401, b"unauthorized")
        long = os.urandom(4000).hex().encode()
        assert await _post(receiver, "door", b"g1 " + long + b" g2") == (200, b"ok")
        hints = await world.ledger.read(lambda c: c.execute(select(s.inbox.c.source_id)).all())
        assert [one for (one,) in hints] == ["g1", "g2"]


async def test_a_body_that_comes_letter_by_letter_costs_no_more_than_any_other(
    tmp_path: Path,
) -> None:
    """Looked at by the processor's own time: this machine may have other things to do."""
    async with World(tmp_path) as world:
        receiver = Receiver(
            ledger=world.ledger, webhooks={"shop": _Odd()}, paths={"shop": "door"},  # type: ignore[dict-item]
            clock=world.clock,
        )  # fmt: skip
        left = 60_000

        async def receive() -> Any:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": b" ", "more_body": left > 0}

        params = {"connection": "shop", "secret": "door"}
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"",
                 "headers": [], "path_params": params}  # fmt: skip
        began = time.process_time()
        answer = await receiver.receive(Request(scope, receive))
        assert answer.status_code == 200
        assert time.process_time() - began < 3


async def test_a_webhook_that_cannot_be_stored_is_not_acknowledged(tmp_path: Path) -> None:
    async with World(tmp_path) as world:

        class Full:
            trouble = None

            async def write(self, _unit: Any) -> None:
                raise LedgerFull("the disk is full")

        receiver = Receiver(
            ledger=Full(), webhooks={"shop": _Hooks()}, paths={"shop": "door"},  # type: ignore[arg-type,dict-item]
            clock=world.clock, arrived=lambda _: pytest.fail("nothing arrived"),
        )  # fmt: skip
        status, _ = await _post(receiver, "door", b"g1", signature="good", event="e1")
        assert status == 503
        await asyncio.sleep(0)


@pytest.mark.parametrize("error", [OverflowError("canary"), KeyError("canary"), RecursionError()])
async def test_what_nobody_foresaw_while_reading_ends_no_process(
    tmp_path: Path, error: Exception
) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        world.shop.fail_next = [error]  # type: ignore[list-item]
        (failure,) = await world.run()
        assert isinstance(failure, Fatal)
        assert failure.message == (
            f"Knect itself failed while reading shop/orders ({type(error).__name__}); the log says"
            " where"
        )
        flow = await world.ledger.read(lambda c: pipeline_flow(c, "orders"))
        assert (flow.failure_reason, flow.failure) == ("Fatal", failure.message)
        assert await world.run() == []
        assert await world.fates() == ["delivered"]
