"""The rules are tried too: each planted fault of a connector is named by the rule about it."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from knect.api.catalog import Catalog
from knect.sdk import errors
from knect.sdk.contract import Change, Page, Window
from knect.sdk.testing.conformance import run_rule
from knect_connectors.shopify.conformance import open_bench

MANIFEST = Catalog.installed()["shopify"]


class Planted:
    """A connector's part with one thing wrong."""

    def __init__(self, real: Any, **wrong: Callable[..., Any]) -> None:
        self._real, self._wrong = real, wrong

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._wrong:
            return real
        return lambda *args, **kwargs: self._wrong[name](real, *args, **kwargs)


def pages(change_pages: Callable[[list[Page]], list[Page]]) -> Callable[..., Any]:
    async def read(real: Any, entity: str, window: Window) -> AsyncIterator[Page]:
        for page in change_pages([page async for page in real(entity, window)]):
            yield page

    return read


def without_last(found: list[Page]) -> list[Page]:
    return [*found[:-1], Page(changes=found[-1].changes[:-1])] if found else found


def first_page_only(found: list[Page]) -> list[Page]:
    return found[:1]


def twice(found: list[Page]) -> list[Page]:
    return [*found, *found[:1]]


def backwards(found: list[Page]) -> list[Page]:
    return [Page(changes=page.changes[::-1]) for page in found[::-1]]


def with_empty_page(found: list[Page]) -> list[Page]:
    return [*found, Page(changes=[])]


def without_one_of_equal_times(found: list[Page]) -> list[Page]:
    changes = [change for page in found for change in page.changes]
    kept = [one for i, one in enumerate(changes) if i % 5 or i == 0 or changes[i - 1].at != one.at]
    return [Page(changes=kept)]


async def closed_window(real: Any, entity: str, window: Window) -> AsyncIterator[Page]:
    wider = msgspec.structs.replace(window, until=window.until + timedelta(seconds=1))
    async for page in real(entity, wider):
        yield page


async def open_start(real: Any, entity: str, window: Window) -> AsyncIterator[Page]:
    narrower = msgspec.structs.replace(window, since=window.since + timedelta(seconds=1))
    async for page in real(entity, narrower):
        yield page


async def sorted_ids(real: Any, entity: str, ids: Sequence[str]) -> Sequence[Change]:
    return await real(entity, sorted(set(ids)))  # type: ignore[no-any-return]


async def never_gone(real: Any, entity: str, ids: Sequence[str]) -> Sequence[Change]:
    changes = await real(entity, ids)
    return [msgspec.structs.replace(change, deleted=False) for change in changes]


async def same_version(real: Any, entity: str, ids: Sequence[str]) -> Sequence[Change]:
    changes = await real(entity, ids)
    return [msgspec.structs.replace(change, token="1") for change in changes]


async def hour_ahead(real: Any) -> Any:
    return (await real()).replace(tzinfo=None)


async def all_is_well(real: Any) -> Any:
    try:
        return await real()
    except errors.ConnectorError:
        return None


async def all_is_fatal(real: Any) -> Any:
    try:
        return await real()
    except errors.ConnectorError as error:
        raise errors.Fatal(error.message) from None


async def never_seen(real: Any) -> Any:
    try:
        return await real()
    except errors.ConnectorError as error:
        error.could_have_been_seen = False
        raise


async def says_the_token(real: Any) -> Any:
    try:
        return await real()
    except errors.ConnectorError as error:
        error.message += " (token shpat_bench_canary)"
        raise


def trusting(real: Any, request: Any) -> Any:
    try:
        return real(request)
    except errors.CredentialsRejected:
        return []


def another_name(real: Any, request: Any) -> Any:
    another_name.count = getattr(another_name, "count", 0) + 1  # type: ignore[attr-defined]
    return [
        msgspec.structs.replace(hint, event_id=str(another_name.count))  # type: ignore[attr-defined]
        for hint in real(request)
    ]


def a_cent_more(real: Any, entity: str, raw: Any) -> Any:
    record = real(entity, raw)
    totals = msgspec.structs.replace(record.totals, total=record.totals.total + 1)
    return msgspec.structs.replace(record, totals=totals)


SOURCE = [
    ("paging", "read", pages(without_last), "lost|empty"),
    ("paging", "read", pages(first_page_only), "lost"),
    ("paging", "read", pages(twice), "twice"),
    ("paging", "read", pages(backwards), "order"),
    ("paging", "read", pages(with_empty_page), "empty"),
    ("equal-timestamps", "read", pages(without_one_of_equal_times), "lost"),
    ("half-open-windows", "read", closed_window, "not asked"),
    ("half-open-windows", "read", open_start, "lost"),
    ("mutation-while-paging", "read", pages(without_last), "no window"),
    ("mutation-while-paging", "read", pages(twice), "twice"),
    ("fetch-by-id", "fetch", sorted_ids, ""),
    ("fetch-by-id", "fetch", same_version, ""),
    ("deletions", "fetch", never_gone, ""),
    ("backfill", "backfill", pages(without_last), ""),
    ("server-time", "server_time", hour_ahead, "zone"),
    ("canonical-records", "to_record", a_cent_more, "TotalsMismatch"),
]


@pytest.mark.parametrize(("rule", "method", "wrong", "says"), SOURCE)
async def test_a_broken_source_is_named(rule: str, method: str, wrong: Any, says: str) -> None:
    async with open_bench() as bench:
        bench.connector.source = Planted(bench.connector.source, **{method: wrong})
        with pytest.raises(AssertionError, match=says or None):
            await run_rule(rule, bench, MANIFEST, "orders")


@pytest.mark.parametrize(
    ("rule", "wrong", "says"),
    [
        ("error-classes", all_is_well, "no error"),
        ("error-classes", all_is_fatal, "Fatal"),
        ("error-classes", never_seen, "did see it"),
        ("credentials", all_is_well, "no error"),
        ("credentials", all_is_fatal, "Fatal"),
        ("credentials", says_the_token, "a secret was said"),
    ],
)
async def test_a_broken_check_is_named(rule: str, wrong: Any, says: str) -> None:
    async with open_bench() as bench:
        bench.connector = Planted(bench.connector, check=wrong)
        with pytest.raises(AssertionError, match=says):
            await run_rule(rule, bench, MANIFEST, "orders")


@pytest.mark.parametrize(
    ("wrong", "says"), [(trusting, "forged"), (another_name, "another event id")]
)
async def test_a_broken_webhook_check_is_named(wrong: Any, says: str) -> None:
    async with open_bench() as bench:
        bench.connector.webhooks = Planted(bench.connector.webhooks, verify=wrong)
        with pytest.raises(AssertionError, match=says):
            await run_rule("webhook-verification", bench, MANIFEST, "orders")
