"""Which warehouse a move leaves and which it enters, when they stand in one another, too."""

from decimal import Decimal
from typing import Any, cast

from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.inventory import _moves, _Places, _places


def _at(number: int, parent: int | None, code: str = "", **more: Any) -> dict[str, Any]:
    kind = {"type": "warehouse" if code else "storage", "active": True}
    return {"id": number, "parent": parent, "code": code, "name": str(number), **kind, **more}


#: Two warehouses, the second one inside of the first, one that was closed, and a customer.
LOCATIONS = [
    _at(1, None, "A"), _at(2, 1), _at(3, 2), _at(4, 1, "B"), _at(5, 4),
    _at(6, None, "C", active=False), _at(7, 6), _at(8, None, type="customer"),
]  # fmt: skip


class _Tryton:
    class config:  # noqa: N801 - as the client has it
        class stock:  # noqa: N801
            warehouses = ()

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows

    async def search_read(self, *_: Any, **__: Any) -> Any:
        return list(self.rows)


def _tryton(*rows: dict[str, Any]) -> TrytonClient:
    return cast("TrytonClient", _Tryton(*rows))


async def _known() -> _Places:
    return await _places(_tryton(*LOCATIONS))


async def test_a_location_is_in_all_warehouses_around_it() -> None:
    places = await _known()
    assert places.warehouses == {"A": 1, "B": 4}
    assert {one: sorted(around) for one, around in places.around.items()} == {
        1: [1], 2: [1], 3: [1], 4: [1, 4], 5: [1, 4], 6: [], 7: [], 8: [],
    }  # fmt: skip


async def test_a_move_leaves_what_it_is_out_of_and_enters_what_it_is_into() -> None:
    ways = [(3, 8, 1), (8, 5, 10), (3, 5, 100), (2, 3, 1_000), (99, 8, 10_000)]
    moves = [
        {
            "id": number, "product": 9, "internal_quantity": Decimal(pieces),
            "from_location": source, "to_location": target,
        }
        for number, (source, target, pieces) in enumerate(ways)
    ]  # fmt: skip
    out, into = await _moves(_tryton(*moves), [9], await _known(), None)
    # what moves within A has not left it; of a place nobody knew yet nothing is told yet
    assert dict(out) == {(9, 1): 1}
    assert dict(into) == {(9, 1): 10, (9, 4): 110}
