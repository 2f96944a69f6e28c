"""Reading what in-house APIs really answer."""

import itertools
import json
from typing import Any

import pytest

from knect.model import Order
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect.sdk.testing import Answer
from knect_connectors.rest.config import Times
from knect_connectors.rest.instants import Instants
from knect_connectors.rest.simulator import Oddity
from knect_connectors.rest.tests.conftest import PAGING, RECORD, START, Open, a_config

#: An API without times of change; an order has one all the same.
TIMELESS = {"cursor": None, "query": {}, "record": {**RECORD, "updated_at": {"value": START}}}


@pytest.mark.parametrize("kind", ["Page", "Offset", "Cursor"])
@pytest.mark.parametrize("count", [0, 1, 5, 6, 15, 16])
async def test_every_kind_of_paging_loses_nothing(scene: Open, kind: str, count: int) -> None:
    there = await scene(a_config(kind))
    there.sales(count, apart=0.3)  # three or four share each second
    found = [change.id for change in await there.read()]
    assert sorted(found) == sorted(there.system.shelf.of("sales"))
    assert len(found) == len(set(found)) == count


@pytest.mark.parametrize("kind", ["Page", "Offset", "Cursor"])
@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("oddities", [(), (Oddity.CURSOR_EXPIRES,)], ids=["", "token ends"])
async def test_an_api_that_lists_only_what_is_later_loses_nothing_at_a_pages_edge(
    scene: Open, kind: str, size: int, oddities: tuple[Oddity, ...]
) -> None:
    """Records that share an instant with the last one of a page, or with the window's begin."""
    there = await scene(a_config(kind), Oddity.LATER_ONLY, *oddities)
    there.sales(17, apart=0.3)
    found = [change.id for change in await there.read(size)]
    assert sorted(found) == sorted(there.system.shelf.of("sales"))
    assert len(found) == len(set(found))


@pytest.mark.parametrize("written", ["Unix", "UnixMillis", "Local", "Rfc3339"])
def test_a_bound_is_asked_for_one_unit_before(written: str) -> None:
    instants = Instants(Times(format=written))  # type: ignore[arg-type]
    asked = instants.write(instants.before(START))
    assert (
        asked
        == {
            "Unix": "1772366399",
            "UnixMillis": "1772366399999",
            "Local": "2026-03-01 11:59:59",
            "Rfc3339": "2026-03-01T11:59:59.999999Z",
        }[written]
    )


async def test_an_api_that_gives_the_last_page_again_ends(scene: Open) -> None:
    paging = {
        "kind": "Page",
        "parameter": "page",
    }  # no size, no total: only an empty page would end it
    there = await scene(a_config(read={"paging": paging}), Oddity.LAST_PAGE_AGAIN)
    there.sales(250)
    assert len(await there.read()) == 250


@pytest.mark.parametrize("count", [3, 10])
async def test_an_api_that_knows_no_page_past_the_end_ends_there(scene: Open, count: int) -> None:
    paging = {"kind": "Page", "parameter": "page", "sizeParameter": "limit"}
    there = await scene(a_config(read={"paging": paging}), Oddity.NOT_FOUND_PAST_THE_END)
    there.sales(count)
    assert len(await there.read()) == count


async def test_a_list_that_is_not_there_at_all_is_said_to_be_so(scene: Open) -> None:
    there = await scene(a_config(read={"path": "/api/sales/of/old"}))
    with pytest.raises(Fatal, match="404 Not Found"):
        await there.read()


async def test_a_total_that_is_not_reached_keeps_the_window_open(scene: Open) -> None:
    there = await scene(a_config(), Oddity.TOTAL_TOO_HIGH)
    there.sales(3)
    with pytest.raises(
        UnexpectedAnswer, match=r"says there are \d+ records and gave \d.*paging\.total"
    ):
        await there.read()


async def test_a_total_that_is_too_low_hides_nothing(scene: Open, monkeypatch: Any) -> None:
    there = await scene(a_config("Offset", read={"paging": {**PAGING["Offset"], "total": "n"}}))
    there.sales(12)
    answer = there.system._list

    def lie(collection: str, query: Any) -> Answer:
        return Answer.of_json({**json.loads(answer(collection, query).body), "n": 1})

    monkeypatch.setattr(there.system, "_list", lie)
    assert len(await there.read()) == 12


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["a", "b", "c"], "gives the same page again under another token"),
        (["a", "a"], "gives the same page token twice"),
    ],
)
async def test_a_page_that_comes_again_by_token_is_no_end(
    scene: Open, monkeypatch: Any, tokens: list[str], said: str
) -> None:
    there = await scene(a_config("Cursor"))
    at, given = "2026-03-01T12:00:00Z", iter(tokens)
    ids = iter(range(9)) if tokens == ["a", "a"] else itertools.repeat(1)

    def page(*_: Any) -> Answer:
        return Answer.of_json(
            {"data": [{"id": next(ids), "changed": at}], "meta": {"next": next(given)}}
        )

    monkeypatch.setattr(there.system, "_list", page)
    with pytest.raises(UnexpectedAnswer, match=said):
        await there.read()


async def test_an_error_with_status_200_is_no_empty_list(scene: Open) -> None:
    there = await scene(a_config(), Oddity.ERROR_WITH_200)
    there.sales(3)
    with pytest.raises(
        UnexpectedAnswer, match="there is no data in the answer: the database is away"
    ):
        await there.read()


async def test_a_page_token_that_ends_half_way_is_begun_anew(scene: Open) -> None:
    there = await scene(a_config("Cursor"), Oddity.CURSOR_EXPIRES)
    there.sales(23)
    assert len(await there.read()) == 23


async def test_a_page_token_that_ends_is_begun_anew_where_records_have_no_times(
    scene: Open,
) -> None:
    there = await scene(a_config("Cursor", read=TIMELESS),
                        Oddity.CURSOR_EXPIRES)  # fmt: skip
    there.sales(9)
    assert {change.id for change in await there.read()} == set(there.system.shelf.of("sales"))


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("kind", ["Page", "Offset"])
async def test_an_api_that_gives_smaller_pages_than_asked_for_loses_nothing(
    scene: Open, kind: str, *, total: bool
) -> None:
    paging = {**PAGING[kind], "total": "meta.total" if total else None}
    there = await scene(a_config(kind, read={"paging": paging}), Oddity.SMALL_PAGES)
    there.sales(23, apart=0.3)
    assert sorted(change.id for change in await there.read(size=10)) == sorted(
        there.system.shelf.of("sales")
    )


async def test_a_list_without_order_is_sorted_and_read_until_nothing_is_new(scene: Open) -> None:
    there = await scene(a_config(read={"sorted": False}), Oddity.UNSORTED)
    there.sales(13)
    found = await there.read()
    assert [change.at for change in found] == sorted(change.at for change in found)
    assert len(found) == 13
    assert len([one for one in there.requests if one.startswith("GET /api/sales")]) == 6


async def test_a_list_said_to_be_sorted_that_is_not_is_refused(scene: Open) -> None:
    there = await scene(a_config(), Oddity.UNSORTED)
    there.sales(13)
    with pytest.raises(UnexpectedAnswer, match="not in the order"):
        await there.read()


async def test_an_api_that_ignores_the_window_still_gives_only_what_is_in_it(scene: Open) -> None:
    there = await scene(a_config(), Oddity.IGNORES_BOUNDS)
    there.sales(12)
    there.system.shelf.put("sales", {"sale_no": "old"}, at=START.replace(year=2020))
    there.system.shelf.put("sales", {"sale_no": "new"}, at=START.replace(year=2030))
    assert len(await there.read()) == 12


async def test_more_than_memory_is_for_is_refused_with_what_to_do(scene: Open) -> None:
    there = await scene(a_config(read={"sorted": False, "mostRecords": 5}))
    there.sales(6)
    with pytest.raises(Fatal, match="more than 5 records changed in one window"):
        await there.read()


async def test_without_a_cursor_everything_is_listed_without_versions(scene: Open) -> None:
    there = await scene(a_config(read=TIMELESS))
    there.sales(7)
    found = await there.read()
    assert len(found) == 7
    assert {change.token for change in found} == {""}


async def test_a_mark_of_deletion_is_a_deletion(scene: Open) -> None:
    there = await scene(a_config(read={"deleted": "void"}))
    there.sales(2)
    there.system.shelf.put("sales", {"void": True}, identifier="S000002", at=START)
    assert {change.id: change.deleted for change in await there.read()} == {
        "S000001": False, "S000002": True,
    }  # fmt: skip


async def test_a_deletion_without_times_has_no_version_that_could_be_older(scene: Open) -> None:
    there = await scene(a_config(read={**TIMELESS, "deleted": "void"}))
    there.sales(1)
    there.system.shelf.put("sales", {"void": True}, identifier="S000001", at=START)
    (listed,) = await there.read()
    there.system.shelf.of("sales").clear()
    (fetched,) = await there.source.fetch("orders", ["S000001"])
    assert (listed.deleted, listed.token) == (fetched.deleted, fetched.token) == (True, "")


async def test_a_record_becomes_canonical_with_texts_where_the_api_has_numbers(scene: Open) -> None:
    there = await scene()
    there.sales(1)
    (change,) = await there.read()
    order = there.source.to_record("orders", change.raw)
    assert isinstance(order, Order)
    assert (order.number, order.name, order.source_id) == ("S-0", "S-0", "S000001")
    assert (order.lines[0].id, order.lines[0].sku, str(order.lines[0].unit_price)) == (
        "1",
        "KN-1",
        "9.95",
    )
    assert order.updated_at == START


@pytest.mark.parametrize(
    ("changed", "said", "path"),
    [
        (
            {"gross": "much"},
            "gross is 'much': Invalid decimal string (the record's totals.total)",
            "gross",
        ),
        ({"sale_no": None}, "sale_no: it is missing (the record's number)", "sale_no"),
        (
            {"rows": [{"pos": 1, "pieces": "two", "price": "1"}]},
            "rows[0].pieces is 'two': Invalid decimal string (the record's lines[0].quantity)",
            "rows[0].pieces",
        ),
    ],
)
async def test_a_bad_record_is_named_by_the_apis_own_path(
    scene: Open, changed: dict[str, object], said: str, path: str
) -> None:
    there = await scene()
    there.sales(1)
    (change,) = await there.read()
    with pytest.raises(BadRecord) as caught:
        there.source.to_record("orders", {**change.raw, **changed})
    assert (caught.value.message, caught.value.path) == (said, path)


async def test_an_entity_that_is_not_declared_says_what_to_add(scene: Open) -> None:
    there = await scene()
    with pytest.raises(Fatal, match=r"how refunds are read; add config\.entities\.refunds\.read"):
        await there.source.fetch("refunds", ["1"])
