"""Reads orders, each chain of edits as one order under the id and number of its first.

An edit in the admin panel makes a new order `100000123-1` and cancels the old one; the links of the
chain know each other by `relation_child_id` and `original_increment_id`.
Must not: read a cancelled link of a chain as a cancellation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento2.broken import is_broken, told_alone
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.mapping import CHAIN
from knect_connectors.magento2.payload import text_or_none
from knect_connectors.magento2.reader import Kind, Named
from knect_connectors.magento2.search import Filter, one_of

__all__ = ["ORDERS", "chains_of", "head_of", "heads_of"]

_PATH, _ID = "orders", "entity_id"
_LONGEST_CHAIN = 100
#: So many numbers are asked for at once.
_AT_ONCE = 50


def _child_of(raw: Mapping[str, Any]) -> str | None:
    return text_or_none(raw.get("relation_child_id"))


async def heads_of(
    client: MagentoClient, ids: Sequence[str], *, alone: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the last order of each chain, by the id of any of its links; none if it is gone.

    `alone`: one that the shop cannot tell is told to be broken.
    """
    found: dict[str, dict[str, Any]] = {}
    wanted = {one: one for one in ids}  # the link asked for -> the link to look at
    for _ in range(_LONGEST_CHAIN):
        if not wanted:
            return found
        links = list(wanted.values())
        rows = await (
            told_alone(client, _PATH, _ID, links) if alone else client.by_ids(_PATH, _ID, links)
        )
        by_id = {str(row[_ID]): row for row in rows}
        further: dict[str, str] = {}
        for asked, link in wanted.items():
            raw = by_id.get(link)
            if raw is None:
                continue
            if (child := _child_of(raw)) is None:
                found[asked] = raw
            else:
                further[asked] = child
        wanted = further
    raise UnexpectedAnswer(
        f"the edits of order {next(iter(wanted))} lead in a circle", value=next(iter(wanted))
    )


async def head_of(client: MagentoClient, identifier: str) -> dict[str, Any] | None:
    """Return the last order of the chain `identifier` is part of, None if there is none."""
    return (await heads_of(client, [identifier])).get(identifier)


async def chains_of(
    client: MagentoClient, orders: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return id of an order -> what its chain began with: `root`, `number`, `placed_at`."""
    edited: dict[str, dict[str, str]] = {}  # store -> id -> number of the first
    for raw in orders:
        first = text_or_none(raw.get("original_increment_id"))
        if first is not None and first != raw.get("increment_id"):
            edited.setdefault(str(raw.get("store_id")), {})[str(raw[_ID])] = first
    firsts: dict[tuple[str, str], dict[str, Any]] = {}
    for store, numbers in edited.items():
        for row in await _numbered(client, store, sorted(set(numbers.values()))):
            firsts[store, str(row["increment_id"])] = row
    chains: dict[str, dict[str, Any]] = {}
    for raw in orders:
        identifier, store = str(raw[_ID]), str(raw.get("store_id"))
        number = edited.get(store, {}).get(identifier)
        if number is None:
            chains[identifier] = _chain(identifier, raw)
        elif (store, number) in firsts:
            first_row = firsts[store, number]
            chains[identifier] = _chain(str(first_row[_ID]), first_row)
        else:  # the first one was deleted; the second one still knows its id
            is_second = str(raw.get("edit_increment")) == "1"
            root = text_or_none(raw.get("relation_parent_id")) if is_second else None
            chains[identifier] = {**_chain(root or identifier, raw), "number": number}
    return chains


def _chain(root: str, first: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "root": root,
        "number": str(first["increment_id"]),
        "placed_at": first.get("created_at"),
    }


async def _numbered(
    client: MagentoClient, store: str, numbers: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a store's orders by number; another store may use the same ones."""
    rows: list[dict[str, Any]] = []
    of_store = [Filter(field="store_id", value=store)]
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        groups = [of_store, one_of("increment_id", some)]
        rows += (await client.search(_PATH, groups, size=len(some)))[0]
    return rows


async def _complete(client: MagentoClient, rows: Sequence[dict[str, Any]]) -> list[Named]:
    last = [raw for raw in rows if _child_of(raw) is None]
    chains = await chains_of(client, last)
    found: list[Named] = []
    for raw in last:
        chain = chains[str(raw[_ID])]
        found.append((chain["root"], {**_lean(raw), CHAIN: chain}))
    return found


def _lean(raw: dict[str, Any]) -> dict[str, Any]:
    """Return an order without what it says twice: with each line its parent, and all lines again
    with the way they are sent.
    """
    lean = dict(raw)
    if isinstance(items := raw.get("items"), list):
        lean["items"] = [
            {name: value for name, value in one.items() if name != "parent_item"}
            if isinstance(one, dict)
            else one
            for one in items
        ]
    more = raw.get("extension_attributes")
    if isinstance(more, dict) and isinstance(sent := more.get("shipping_assignments"), list):
        ways = [{"shipping": one.get("shipping")} for one in sent if isinstance(one, dict)]
        lean["extension_attributes"] = {**more, "shipping_assignments": ways}
    return lean


async def _find(client: MagentoClient, ids: Sequence[str]) -> list[dict[str, Any]]:
    heads = await heads_of(client, ids, alone=True)
    return [{**raw, _ID: one} if is_broken(raw) else raw for one, raw in heads.items()]


ORDERS = Kind(path=_PATH, complete=_complete, find=_find)
