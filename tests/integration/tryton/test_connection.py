"""What a Connection to Tryton can find out, and what it says when something is wrong."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from tests.integration.tryton.conftest import SKUS, a_context
from tests.support.orders import a_line, an_order
from tests.support.real.ports import free_ports

from knect.model import check_record
from knect.sdk.contract import Window
from knect.sdk.errors import CredentialsRejected, Fatal, Unreachable
from knect.sdk.secret import Secret
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import PASSWORD, USER

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def checked(server, **changes):
    connector = open_connector(a_context(server, **changes))
    try:
        return await connector.check()
    finally:
        await connector.close()


async def test_a_good_connection_says_what_it_is_and_may(server):
    report = await checked(server)
    assert (report.product, report.version) == ("Tryton", "8.2")
    assert [(e.entity, e.read, e.write) for e in report.entities] == [
        ("orders", True, True),
        ("customers", True, True),
        ("inventory", True, False),
        ("payments", False, True),
        ("prices", True, False),
        ("products", True, False),
        ("refunds", False, True),
        ("shipments", True, False),
    ]
    assert all(entity.problem is None for entity in report.entities)


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        (
            {"username": Secret(USER), "password": Secret("wrong-canary")},
            "password of user 'knect'",
        ),
        (
            {"username": Secret("nobody"), "password": Secret("x-canary")},
            "password of user 'nobody'",
        ),
        ({"username": Secret(USER)}, "no key 'password'"),
    ],
)
async def test_bad_credentials_are_a_persons_turn(server, secrets, sentence):
    with pytest.raises(CredentialsRejected, match=sentence) as caught:
        await checked(server, secrets=secrets)
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_shop_that_is_not_there_is_named(server):
    with pytest.raises(Fatal, match="no active web shop called 'typo'"):
        await checked(server, config={"webShop": "typo"})


async def test_a_company_that_is_not_there_is_named(server):
    with pytest.raises(Fatal, match="no company called 'Other Ltd'"):
        await checked(server, config={"company": "Other Ltd"})


async def test_a_database_that_is_not_there_is_named(server):
    with pytest.raises(Fatal, match=r"no database 'typo'; correct config\.database"):
        await checked(server, config={"database": "typo"})


async def test_a_wrong_config_is_named_before_anything_is_asked(server):
    with pytest.raises(Fatal, match="webShops"):
        open_connector(a_context(server, config={"webShops": "typo"}))


async def test_a_server_that_is_not_there_saw_nothing(server):
    (port,) = free_ports(1)
    with pytest.raises(Unreachable) as caught:
        await checked(server, config={"url": f"http://127.0.0.1:{port}"})
    assert not caught.value.could_have_been_seen


async def test_an_ended_session_is_renewed_once_for_all(server):
    connector = open_connector(a_context(server))
    client = connector._client
    await client.facts()
    log_ins = 0
    log_in = client._session._log_in

    async def counted():
        nonlocal log_ins
        log_ins += 1
        return await log_in()

    client._session._log_in = counted
    await client._rpc("common.db.logout", [])
    companies = [client.search_read("company.company", [], ["party"]) for _ in range(5)]
    answers = await asyncio.gather(*companies)
    assert all(len(answer) == 1 for answer in answers)
    assert log_ins == 1
    await connector.close()


def sessions(server) -> int:
    with closing(sqlite3.connect(server.log.with_name(f"{server.database}.sqlite"))) as database:
        return int(database.execute("SELECT count(*) FROM ir_session").fetchone()[0])


async def test_who_is_done_logs_out(server):
    """Tryton keeps a session for a month, and reads all of a user's at each of its calls."""
    before = sessions(server)
    connector = open_connector(a_context(server))
    await connector.check()
    assert sessions(server) == before + 1
    await connector.close()
    assert sessions(server) == before


async def test_a_session_that_has_ended_already_keeps_nobody_from_closing(server):
    connector = open_connector(a_context(server))
    await connector._client.facts()
    await connector._client._rpc("common.db.logout", [])
    await connector.close()


async def test_a_rotated_password_is_used_without_a_restart(server):
    secrets = {"username": Secret(USER), "password": Secret("old-and-wrong")}
    connector = open_connector(a_context(server, secrets=secrets))
    with pytest.raises(CredentialsRejected):
        await connector.check()
    secrets["password"] = Secret(PASSWORD)
    assert (await connector.check()).product == "Tryton"
    await connector.close()


# ---------------------------------------------------------------- reading


async def read_all(source, entity, window):
    pages = [page.changes async for page in source.read(entity, window)]
    return [change for page in pages for change in page], [len(page) for page in pages]


async def test_products_are_read_once_each_in_order_although_many_share_an_instant(hand):
    source = hand.connector.source
    until = await source.server_time() + timedelta(seconds=5)
    window = Window(since=until - timedelta(days=3650), until=until, page_size=7)
    changes, sizes = await read_all(source, "products", window)
    assert [(c.at, int(c.id)) for c in changes] == sorted((c.at, int(c.id)) for c in changes)
    assert len({change.id for change in changes}) == len(changes) == sum(sizes)
    assert max(sizes) == 7
    records = [source.to_record("products", change.raw) for change in changes]
    assert {r.variants[0].sku for r in records} >= set(SKUS)


async def test_a_sale_that_was_never_written_is_read_too(hand):
    source = hand.connector.source
    order = an_order("10.00", a_line(), number="RD1")
    before = await source.server_time()
    await hand.deliver(order, state="Draft")
    until = await source.server_time() + timedelta(seconds=5)
    changes, _ = await read_all(source, "orders", Window(since=before, until=until))
    wanted = str((await hand.sale(order))["id"])
    (change,) = [c for c in changes if c.id == wanted]
    record = source.to_record("orders", change.raw)
    assert (record.totals.total, record.currency) == (order.totals.total, "EUR")
    assert check_record(record) is None


async def test_our_own_write_can_be_told_when_it_comes_back(hand):
    order = an_order("10.00", a_line(), number="RD2")
    found = await hand.deliver(order)
    (change,) = await hand.connector.source.fetch("orders", [found.destination_id])
    assert change.token == found.token


async def test_what_is_gone_is_a_tombstone(hand):
    (change,) = await hand.connector.source.fetch("orders", ["999999"])
    assert change.deleted


async def test_the_window_is_half_open(hand):
    found = await hand.deliver(an_order("10.00", a_line(), number="RD3"))
    source = hand.connector.source
    (change,) = await source.fetch("orders", [found.destination_id])
    moment = timedelta(microseconds=1)
    inside, _ = await read_all(source, "orders", Window(since=change.at, until=change.at + moment))
    outside, _ = await read_all(source, "orders", Window(since=change.at - moment, until=change.at))
    assert [c.id for c in inside] == [found.destination_id]
    assert outside == []


async def test_a_user_without_rights_is_told_which(server, clerk_user):
    user, password = clerk_user
    secrets = {"username": Secret(user), "password": Secret(password)}
    report = await checked(server, secrets=secrets)
    orders = report.entities[0]
    assert not orders.write
    assert "create sale.sale" in orders.problem
