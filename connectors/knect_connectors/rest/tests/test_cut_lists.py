"""Lists that seem to end and do not: a `next` that leads nowhere, pages nobody declared."""

from datetime import timedelta
from typing import Any

import pytest

from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.testing import Answer
from knect_connectors.rest.simulator import Oddity
from knect_connectors.rest.tests.conftest import PAGING, START, Open, Scene, a_config, a_sale

#: What people write who took the wrong place for the token, or did not see that there are pages.
MISTAKEN: list[dict[str, Any]] = [
    {**PAGING["Cursor"], "next": "meta.nxt"},
    {**PAGING["Cursor"], "next": None, "nextHeader": "X-Next"},
    {"kind": "Url", "next": "links.next", "sizeParameter": "limit"},
    {"kind": "Link", "sizeParameter": "limit"},
    {"kind": "None", "sizeParameter": "limit"},
]


async def found_in(there: Scene, size: int = 5) -> list[str]:
    return [change.id for change in await there.read(size)]


@pytest.mark.parametrize("paging", MISTAKEN, ids=lambda one: f"{one['kind']}-{one.get('next')}")
@pytest.mark.parametrize("count", [4, 5, 6, 17])
async def test_what_follows_a_list_that_seems_to_end_is_read(
    scene: Open, paging: dict[str, Any], count: int
) -> None:
    there = await scene(a_config(read={"paging": paging}))
    there.sales(count, apart=0.6)
    found = await found_in(there)
    assert sorted(found) == sorted(there.system.shelf.of("sales"))
    assert len(found) == len(set(found))


async def test_an_end_that_was_looked_behind_is_believed_from_then_on(scene: Open) -> None:
    there = await scene(a_config(read={"paging": {"kind": "None"}}))
    there.sales(3)
    for expected in (2, 1, 1):
        before = len(there.requests)
        assert len(await there.read()) == 3
        assert len(there.requests) - before == expected


async def test_a_token_that_led_on_once_is_believed_when_it_is_gone(scene: Open) -> None:
    there = await scene(a_config("Cursor"))
    there.sales(6)
    assert len(await there.read()) == 6
    assert len(there.requests) == 2


def of_one_instant(there: Scene, count: int, *, later: int = 0, after: int = 10) -> None:
    for number in range(count + later):
        at = START + timedelta(seconds=after + max(0, number - count + 1))
        there.system.shelf.put("sales", a_sale(number), at=at)


#: As above, and a number of the page that the API does not know by this name.
UNHEARD = [*MISTAKEN, {"kind": "Page", "parameter": "seite", "sizeParameter": "limit"}]


@pytest.mark.parametrize("paging", UNHEARD, ids=lambda one: f"{one['kind']}-{one.get('next')}")
@pytest.mark.parametrize("after", [0, 10])
async def test_a_list_cut_inside_of_one_instant_is_told(
    scene: Open, paging: dict[str, Any], after: int
) -> None:
    there = await scene(a_config(read={"paging": paging}), Oddity.SMALL_PAGES)
    of_one_instant(there, 6, later=2, after=after)
    with pytest.raises(UnexpectedAnswer, match=r"cuts its list .*orders\.read\.paging"):
        await there.read()


@pytest.mark.parametrize("paging", UNHEARD, ids=lambda one: f"{one['kind']}-{one.get('next')}")
@pytest.mark.parametrize("count", [1, 3])
async def test_a_whole_list_of_one_instant_is_believed(
    scene: Open, paging: dict[str, Any], count: int
) -> None:
    there = await scene(a_config(read={"paging": paging}), Oddity.SMALL_PAGES)
    of_one_instant(there, count)
    assert len(await there.read()) == count


async def test_a_list_that_may_have_been_cut_says_nothing_of_others_as_long(scene: Open) -> None:
    there = await scene(a_config(read={"paging": {"kind": "None"}}), Oddity.SMALL_PAGES)
    of_one_instant(there, 4)
    assert len(await there.read()) == 4
    there.system.shelf.of("sales").clear()
    there.sales(6)  # cut after four of them, which says nothing of its own
    assert len(await there.read()) == 6


def by_headers(there: Scene, monkeypatch: Any, asked_by: str) -> list[str]:
    """Let the system page by headers: its token comes in X-Next; return the tokens it was sent."""
    whole, sent = there.system._answer, []

    def answer(request: Any) -> Answer:
        if request.path != "/api/sales":
            return whole(request)
        token = request.headers.get(asked_by) or request.query.get(asked_by) or ""
        sent.append(token)
        rows = sorted(there.system.shelf.of("sales").values(), key=lambda row: row["changed"])
        start, size = int(token or 0), int(request.query["limit"])
        rows = [row for row in rows if row["changed"] >= request.query["changed_from"]]
        headers = {"X-Next": str(start + size)} if start + size < len(rows) else {}
        return Answer.of_json({"data": rows[start : start + size]}, headers=headers)

    monkeypatch.setattr(there.system, "_answer", answer)
    return sent


@pytest.mark.parametrize(
    ("carries", "asked_by"), [({"header": "X-Token"}, "x-token"), ({"parameter": "at"}, "at")]
)
async def test_a_token_in_headers_leads_to_every_page(
    scene: Open, monkeypatch: Any, carries: dict[str, str], asked_by: str
) -> None:
    paging = {"kind": "Cursor", "nextHeader": "X-Next", "sizeParameter": "limit", **carries}
    there = await scene(a_config(read={"paging": paging}))
    there.sales(12)
    sent = by_headers(there, monkeypatch, asked_by)
    assert sorted(await found_in(there)) == sorted(there.system.shelf.of("sales"))
    assert sent == ["", "5", "10"]
