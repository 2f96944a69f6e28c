"""How a field is named to people: relative to its record, `lines[2].sku`.

Why: the same field has one name in invariants, references, errors, `knect find` and masks; none of
them repeats that the order is an order. Fields of `raw` keep their prefix: they are the platform's.
Must not: touch values.
"""

from collections.abc import Mapping

__all__ = ["RECORD_VARIABLES", "join", "shown"]

#: Entity -> the variable its record has in expressions.
RECORD_VARIABLES: Mapping[str, str] = {
    "contacts": "contact",
    "customers": "customer",
    "events": "event",
    "inventory": "level",
    "orders": "order",
    "payments": "payment",
    "prices": "price",
    "products": "product",
    "refunds": "refund",
    "shipments": "shipment",
}
_RECORDS = frozenset(RECORD_VARIABLES.values())


def join(base: str, step: str | int) -> str:
    """Return the path one step further; a step that is no identifier is quoted."""
    if isinstance(step, int):
        return f"{base}[{step}]"
    if step.isidentifier():
        return f"{base}.{step}" if base else step
    quoted = step.replace('"', '\\"')
    return f'{base}["{quoted}"]'


def shown(path: str) -> str:
    """Return a path without the record's own variable."""
    head, dot, tail = path.partition(".")
    return tail if dot and head in _RECORDS else path
