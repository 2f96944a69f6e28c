"""Judges a play by what both ends hold: the equation, documents, money, shelves, parcels, mails.

Must not: ask the engine whether it was right; of the ledger it believes the count it prints only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import structs
from tests.pairs.documents import BUFFER
from tests.pairs.ends import Erp, Held, Shop, Shown
from tests.pairs.play import Done
from tests.pairs.stage import Stage

from knect.history import Document, History, SourceRecord, check, read_ledger, render

__all__ = ["judge", "judge_history"]

#: What orders cost here.
_CURRENCY = "EUR"


def judge(stage: Stage, shop: Shop, erp: Erp, done: Done) -> Iterator[str]:
    """Yield what is wrong."""
    yield from _equation(stage.status())
    shown, held, flows = shop.shown(), erp.held(), shop.flows & erp.flows
    yield from _sales(shown, held, done)
    if "payments" in flows:
        yield from _differ("payments", held.payments, _payments(shown))
    if "refunds" in flows:
        back = Counter(amount for order in shown.orders for amount in order.refunds)
        yield from _differ("credits", held.credits, back)
    if "shipments" in flows:
        yield from _parcels(shown, done)
    yield from _shelf(shown, held, flows)
    if "customers-back" in flows:
        yield from _people(shown, done)
    twice = [email for email, count in held.emails.items() if count > 1]
    if twice:
        yield f"customers of one e-mail that are not one: {twice[:5]}"
    text = (stage.folder / "worker.log").read_text()
    if "Traceback" in text:
        at = text.index("Traceback")
        yield f"a worker left a traceback: {text[at : at + 2000]}"


def _equation(total: Mapping[str, Any]) -> Iterator[str]:
    if not total["balanced"]:
        yield f"the equation does not hold: {total}"
    if total["in_flight"] + total["unknown"] + total["waiting"] + total["rejected"]:
        yield f"it does not come to rest: {total}"


def _sales(shown: Shown, held: Held, done: Done) -> Iterator[str]:
    sold = {one.id: one for one in shown.orders}
    if set(sold) != set(done.orders):
        yield f"the shop has {len(sold)} orders, {len(done.orders)} were placed"
    found = Counter(sale.order for sale in held.sales)
    if dict(found) != dict.fromkeys(sold, 1):
        off = {one: found[one] for one in {*sold, *found} if found[one] != 1 or one not in sold}
        yield f"{len(off)} sales per order that are not one: {dict(list(off.items())[:5])}"
    documents = Counter(sale.document for sale in held.sales)
    if len(documents) != len(held.sales):
        yield f"documents of one number: {[one for one, n in documents.items() if n > 1][:5]}"
    wrong = {
        sale.order: (sale.total, sold[sale.order].total)
        for sale in held.sales
        if sale.order in sold and sale.total != sold[sale.order].total
    }
    if wrong:
        yield f"{len(wrong)} totals (ERP, shop): {dict(list(wrong.items())[:5])}"
    ours = sum((sale.total for sale in held.sales), Decimal(0))
    theirs = sum((one.total for one in shown.orders), Decimal(0))
    if ours != theirs:
        yield f"all sales come to {ours} in the ERP, to {theirs} in the shop"
    for what, there in (
        ("shop", {one.id for one in shown.orders if one.cancelled}),
        ("ERP", {sale.order for sale in held.sales if sale.cancelled}),
    ):
        if there != done.cancelled:
            yield f"cancelled in the {what}: {sorted(there)}, by the clerk: {sorted(done.cancelled)}"


def _payments(shown: Shown) -> Counter[tuple[str, Decimal]]:
    moved: Counter[tuple[str, Decimal]] = Counter()
    for order in shown.orders:
        moved.update(("received", amount) for amount in order.paid)
        moved.update(("given back", amount) for amount in order.given_back)
    return moved


def _differ(what: str, there: Counter[Any], wanted: Counter[Any]) -> Iterator[str]:
    if there != wanted:
        yield f"{what}: too many {there - wanted}, too few {wanted - there}"


def _parcels(shown: Shown, done: Done) -> Iterator[str]:
    for order in shown.orders:
        wanted = [done.shipped[order.id]] if order.id in done.shipped else []
        if list(order.parcels) != wanted:
            yield f"{order.number}: parcels {order.parcels} in the shop, {wanted} left the ERP"
    told: Counter[str] = Counter()
    for mail, count in shown.mails.items():
        if count > 1:
            yield f"told {count} times: {mail}"
        told.update(word for word in mail if word in done.shipped.values())
    wrong = [one for one in done.shipped.values() if told[one] != 1]
    if wrong:
        yield f"parcels of which the customer was not told once: {wrong[:5]}"


def _shelf(shown: Shown, held: Held, flows: Sequence[str] | frozenset[str]) -> Iterator[str]:
    for sku, offer in shown.offers.items():
        if "prices" in flows and offer.price != held.prices[sku]:
            yield f"{sku}: {offer.price} in the shop, {held.prices[sku]} in the ERP"
        wanted = max(0, held.available[sku] - BUFFER)
        if "stock" in flows and offer.pieces != wanted:
            yield f"{sku}: {offer.pieces} pieces in the shop, {wanted} by the formula"


def _people(shown: Shown, done: Done) -> Iterator[str]:
    for email, name in done.renamed.items():
        if shown.people[email] != name:
            yield f"{email}: {shown.people[email]} in the shop, {name} in the ERP"


def judge_history(stage: Stage, shop: Shop, erp: Erp) -> Iterator[str]:
    """Yield what `knect audit --history` would say of the orders' way into the ERP."""
    dump = read_ledger(stage.readable_ledger())
    ours = {one.seq for one in dump.transactions if one.pipeline == "orders"}
    dump = structs.replace(
        dump,
        transactions=[one for one in dump.transactions if one.seq in ours],
        effects=[one for one in dump.effects if one.transaction in ours],
        sightings=[one for one in dump.sightings if one.pipeline == "orders"],
    )
    history = History(
        ledger=dump,
        records=[
            SourceRecord(
                entity="orders",
                id=one.id,
                key=one.number,
                connection="acme-shop",
                currency=_CURRENCY,
                total=one.total,
            )
            for one in shop.shown().orders
        ],
        documents=[
            Document(
                entity="orders",
                id=one.id,
                external_id=f"acme-shop:{one.order}",
                number=one.document,
                currency=_CURRENCY,
                total=one.total,
            )
            for one in erp.held().sales
        ],
        now_us=int(datetime.now(UTC).timestamp() * 1e6),
    )
    if found := check(history):
        yield render(found)
