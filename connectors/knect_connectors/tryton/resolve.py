"""Finding what a document names: products, taxes, currencies, countries. In bulk, by kind.

What is not there, or is there twice, is left out of the answer: nobody can tell which one is
meant, and the record waits until somebody has settled it in Tryton. Of products that share a code
the answer is why.
Must not: create anything, or remember an answer; a missing product may be added at any moment.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.sdk.contract import Reference
from knect.sdk.errors import ConnectorError
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.twins import several

__all__ = ["Answers", "resolve"]

_Found = dict[str, str]
#: (kind, value) -> id, or why it cannot be used
Answers = Mapping[tuple[str, str], str | ConnectorError]


async def resolve(client: TrytonClient, references: Sequence[Reference]) -> Answers:
    """Return (kind, value) -> id for what exists. A tax is `id@rate`, a company fact its value."""
    await client.facts()
    wanted: dict[str, set[str]] = defaultdict(set)
    for reference in references:
        wanted[reference.kind].add(reference.value)
    found: dict[tuple[str, str], str | ConnectorError] = {}
    for kind, values in wanted.items():
        finder = _FINDERS.get(kind)
        if finder is not None:
            answer = await finder(client, sorted(values))
            found |= {(kind, value): identifier for value, identifier in answer.items()}
    return found


async def _products(
    client: TrytonClient, codes: Sequence[str]
) -> Mapping[str, str | ConnectorError]:
    domain = [["code", "in", list(codes)], ["salable", "=", True]]
    rows = await client.search_read("product.product", domain, ["code", "name", "active"])
    same: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        same[row["code"]].append(row)
    shared = {code: several(code, twins) for code, twins in same.items() if len(twins) > 1}
    return {**_unique(rows), **shared}


async def _currencies(client: TrytonClient, codes: Sequence[str]) -> _Found:
    return _unique(
        await client.search_read("currency.currency", [["code", "in", list(codes)]], ["code"])
    )


async def _countries(client: TrytonClient, codes: Sequence[str]) -> _Found:
    return _unique(
        await client.search_read("country.country", [["code", "in", list(codes)]], ["code"])
    )


async def _taxes(client: TrytonClient, refs: Sequence[str]) -> _Found:
    facts = await client.facts()
    domain = [
        ["company", "=", facts.company],
        ["parent", "=", None],
        ["type", "=", "percentage"],
        ["OR", ["group", "=", None], ["group.kind", "in", ["sale", "both"]]],
    ]
    taxes = await client.search_read("account.tax", domain, ["name", "rate"])
    found: _Found = {}
    for ref in refs:
        rate = _rate(ref)
        same = [t for t in taxes if (t["name"] == ref if rate is None else t["rate"] == rate)]
        if len(same) == 1:
            found[ref] = f"{same[0]['id']}@{same[0]['rate']}"
    return found


def _rate(ref: str) -> Decimal | None:
    try:
        return Decimal(ref)
    except InvalidOperation:
        return None


async def _payment_journals(client: TrytonClient, codes: Sequence[str]) -> _Found:
    """Return the journal of each currency among those the config names."""
    facts = await client.facts()
    domain = [
        ["company", "=", facts.company],
        ["name", "like", f"{client.payment_journal}%"],
        ["currency.code", "in", list(codes)],
    ]
    rows = await client.search_read("account.payment.journal", domain, ["currency.code"])
    return _unique([{"id": row["id"], "code": row["currency."]["code"]} for row in rows])


async def _company(client: TrytonClient, names: Sequence[str]) -> _Found:
    facts = await client.facts()
    known = {"tax_rounding": facts.tax_rounding}
    return {name: known[name] for name in names if name in known}


def _unique(rows: Sequence[Mapping[str, object]]) -> _Found:
    counts = Counter(row["code"] for row in rows)
    return {str(row["code"]): str(row["id"]) for row in rows if counts[row["code"]] == 1}


_FINDERS = {
    "company": _company,
    "country": _countries,
    "currency": _currencies,
    "payment_journal": _payment_journals,
    "sku": _products,
    "tax": _taxes,
}
