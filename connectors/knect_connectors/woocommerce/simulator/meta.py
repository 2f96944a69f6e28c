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
        same = [one for one in there if _is_meant(one, entry)]
        for one in same[1:] if entry.get("value") is not None else same:
            there.remove(one)  # of several with a key one is left
        if entry.get("value") is None:
            continue
        if same:
            same[0].update(key=entry.get("key", same[0]["key"]), value=entry["value"])
        else:
            there.append(
                {"id": books.next("meta", 2000), "key": entry["key"], "value": entry["value"]}
            )


def _is_meant(one: Row, entry: Mapping[str, Any]) -> bool:
    if entry.get("id"):
        return bool(one["id"] == entry["id"])
    return bool(one["key"] == entry["key"])
