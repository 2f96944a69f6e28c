"""Lists that seem to end and do not: a `next` that leads nowhere, pages nobody declared."""

from typing import Any

import pytest

from knect.sdk.testing import Answer
from knect_connectors.rest.tests.conftest import PAGING, Open, Scene, a_config

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
