"""The functions expressions may call, and what they know of what is around a record.

Why: `lookup` and `open_orders` are the only ways out of an expression, and both end here: at what
was read before mapping began. Must not: ask the ledger or a remote.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect.api.mapping import Unmapped
from knect.engine.deciding.keys import normalise
from knect.engine.deciding.mapping_plan import MappingPlan, ValueTables
from knect.engine.deciding.terms import AS_OF
from knect.engine.mapping import LookupMissing

__all__ = ["Around", "host_calls"]


class Around(Struct, frozen=True, kw_only=True):
    """What is known around one record when it is mapped.

    `there`: something of it is at the destination; `previous` is the document last delivered to its
    binding. `open_orders` are sold pieces the ERP's figure cannot include: (normalised SKU,
    location) -> quantity. `approved`: a person let it pass; `sent`: so did the rules of then, and
    some of it is there, or may be. `now_us` asks the ledger's clock.
    """

    by_hand: ValueTables
    now_us: Callable[[], int]
    there: bool = False
    previous: Mapping[str, Any] | None = None
    open_orders: Mapping[tuple[str, str | None], Decimal] = field(default_factory=dict)
    as_of: datetime | None = None
    approved: bool = False
    sent: bool = False


def host_calls(
    plan: MappingPlan, around: Around, counted: dict[str, Any]
) -> Mapping[str, Callable[..., Any]]:
    """Return them by name; `counted` is told what was counted, and as of when."""
    return {
        "lookup": _lookup(plan, around.by_hand),
        "open_orders": _open_orders(around, counted),
    }


def _lookup(plan: MappingPlan, by_hand: ValueTables) -> Any:
    def lookup(table: str, value: Any) -> str:
        key = (str(table), str(value))
        mapped = by_hand.get(key, plan.tables.get(key))
        if mapped is None and plan.on_unmapped is Unmapped.DEFAULT:
            mapped = plan.defaults.get(key[0])
        if mapped is None:
            raise LookupMissing(*key)
        return mapped

    return lookup


def _open_orders(around: Around, counted: dict[str, Any]) -> Any:
    def open_orders(sku: Any, location: Any = None) -> Decimal:
        if not isinstance(sku, str):
            raise ValueError("takes a SKU, and a location where one is meant")  # noqa: TRY004
        name = normalise(sku)
        pieces = sum(
            (
                quantity
                for (one, where), quantity in around.open_orders.items()
                if one == name and (location is None or where in (None, location))
            ),
            Decimal(0),
        )
        counted[f"open_orders({sku if location is None else f'{sku}, {location}'})"] = pieces
        counted[AS_OF] = around.as_of
        return pieces

    return open_orders
