"""Finding what a document names: products, taxes, currencies, countries. In bulk, by kind.

What is not there, or is there twice, is left out of the answer: nobody can tell which one is
meant, and the record waits until somebody has settled it in Tryton.
Must not: create anything, or remember an answer; a missing product may be added at any moment.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from knect.sdk.contract import Reference
from knect_connectors.tryton.client import TrytonClient

__all__ = ["resolve"]

_Found = dict[str, str]


async def resolve(
    client: TrytonClient, references: Sequence[Reference]
) -> Mapping[tuple[str, str], str]:
    """Return (kind, value) -> id for what exists. A tax is `id@rate`, a company fact its value."""
    await client.facts()
    wanted: dict[str, set[str]] = defaultdict(set)
    for reference in references:
        wanted[reference.kind].add(reference.value)
    found: dict[tuple[str, str], str] = {}
    for kind, values in wanted.items():
        finder = _FINDERS.get(kind)
        if finder is not None:
            answer = await finder(client, sorted(values))
            found |= {(kind, value): identifier for value, identifier in answer.items()}
    return found


async def _products(client: TrytonClient, codes: Sequence[str]) -> _Found:
    domain = [["code", "in", list(codes)], ["salable", "=", True]]
    return _unique(await client.search_read("product.product", domain, ["code"]))


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
