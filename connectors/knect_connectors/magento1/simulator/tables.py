"""What all resources share: lists with filters, records by number.

Must not: know a resource.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.faults import ApiFault
from knect_connectors.magento1.simulator.filters import filtered

__all__ = ["Methods", "Tables", "amount_of", "is_true"]

#: Path of a method -> what it does.
Methods = dict[str, Callable[..., Any]]

#: What only `info` tells.
_NESTED = frozenset({"items", "shipping_address", "billing_address", "payment", "status_history",
                     "comments", "tracks", "parent_id", "is_active"})  # fmt: skip


class Tables:
    """The shop's tables as resources see them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def listing(
        self, table: str, names: Mapping[str, str], only: Sequence[str] = ()
    ) -> Callable[..., list[Row]]:
        """Return a list method; `names` maps columns to what rows call them."""

        def listed(filters: Any = None) -> list[Row]:
            rows = getattr(self._books, table).values()
            try:
                found = filtered(rows, filters, names)
            except ValueError as error:
                raise ApiFault("filters_invalid", str(error)) from None
            return [
                {name: row[name] for name in only if name in row}
                if only
                else {name: value for name, value in row.items() if name not in _NESTED}
                for row in found
            ]

        return listed

    def one(self, table: str, number: Any, fault: str = "not_exists") -> Row:
        """Return a record. Raises ApiFault."""
        row: Row | None = getattr(self._books, table).get(str(number))
        if row is None:
            raise ApiFault(fault)
        return row


def is_true(value: Any) -> bool:
    """Read a yes or no as PHP does."""
    return str(value).lower() not in ("", "0", "false", "none")


def amount_of(value: Any, name: str) -> str:
    """Return a number as it is stored. Raises ApiFault."""
    try:
        return f"{Decimal(str(value)):.4f}"
    except InvalidOperation:
        raise ApiFault("data_invalid", f'Value for "{name}" is invalid.') from None
