"""Meta data of an object, as the API takes it: by id, else by key, and taken away by null.

Must not: know what of it means anything.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from knect_connectors.woocommerce.simulator.books import Books, Row

__all__ = ["merge_meta"]


def merge_meta(books: Books, row: Row, entries: Iterable[Mapping[str, Any]]) -> None:
    """Put entries into a row's meta data."""
    there: list[Row] = row["meta_data"]
    for entry in entries:
        found = next(
            (
                one
                for one in there
                if (one["id"] == entry["id"] if entry.get("id") else one["key"] == entry["key"])
            ),
            None,
        )
        if entry.get("value") is None:
            if found is not None:
                there.remove(found)
        elif found is not None:
            found |= {"key": entry.get("key", found["key"]), "value": entry["value"]}
        else:
            there.append(
                {"id": books.next("meta", 2000), "key": entry["key"], "value": entry["value"]}
            )
