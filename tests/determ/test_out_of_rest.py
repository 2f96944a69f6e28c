"""What is read out of a declared API, through the engine: each answer lost, cut, refused."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.determ.test_into_rest import serve
from tests.support.heard import Heard, heard

from knect.sdk.secret import Secret
from knect.sdk.testing import Fault
from knect.seams import SystemClock
from knect_connectors import rest
from knect_connectors.rest.simulator import InHouse, Oddity
from knect_connectors.rest.tests.conftest import PAGING, a_config, a_sale

#: How pages follow each other -> what else the API does.
LISTS: dict[str, tuple[Oddity, ...]] = {
    "Page": (),
    "Offset": (Oddity.LAST_PAGE_AGAIN,),
    "Cursor": (Oddity.CURSOR_EXPIRES,),
}


@asynccontextmanager
async def an_api(folder: Path, paging: str) -> AsyncIterator[tuple[Heard, InHouse]]:
    system = InHouse(SystemClock(), oddities=LISTS[paging])
    read = {"paging": {**PAGING[paging], "size": 2}}
    config = a_config(paging, read=read, auth={"kind": "ClientCredentials"})
    async with heard(
        folder, "orders", partial(serve, system), rest,
        config=lambda served: {"baseUrl": served.url, **config},
        secrets={"clientId": Secret("knect"), "clientSecret": Secret("simulated")},
    ) as world:  # fmt: skip
        yield world, system


def _seen(records: dict[str, str]) -> list[tuple[str, float]]:
    rows = [json.loads(one) for one in records.values()]
    return sorted((row["number"], float(row["totals"]["total"])) for row in rows)


@pytest.mark.parametrize(
    ("paging", "fault"),
    [
        ("Page", Fault.COMMIT_THEN_DROP), ("Page", Fault.TRUNCATED),
        ("Offset", Fault.HTML),
        ("Cursor", Fault.COMMIT_THEN_DROP), ("Cursor", Fault.TOKEN_EXPIRED),
    ],
)  # fmt: skip
async def test_every_change_comes_whichever_page_is_not_answered(
    tmp_path: Path, paging: str, fault: Fault
) -> None:
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with an_api(folder, paging) as (world, system):
            for number in range(5):
                system.shelf.put("sales", a_sale(number))
            world.goes_wrong(at, fault)
            await world.reads()
            world.server.faults.clear()
            system.shelf.put("sales", a_sale(1, **_worth("40.00")), identifier="S000002")
            system.shelf.put("sales", a_sale(5))
            await world.reads()
            wanted = [(f"S-{number}", 40.0 if number == 1 else 19.9) for number in range(6)]
            assert _seen(await world.has()) == wanted, at
            if not world.server.faults.injected[fault]:
                break
    assert at > 4


def _worth(total: str) -> dict[str, Any]:
    return {"gross": total, "rows": [{"pos": 1, "article": "KN-1", "pieces": 1, "price": total}]}
