"""Writing a return: what the order it belongs to says decides lines and tax details.

Must not: go on when the order cannot tell; a person credits by hand then.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Found
from knect.sdk.errors import MissingReference, WaitForPerson
from knect.sdk.sql import Session
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.amounts import cent_of, price
from knect_connectors.dynamics_gp.client import GpClient, call
from knect_connectors.dynamics_gp.fields import fit, text
from knect_connectors.dynamics_gp.numbers import next_number
from knect_connectors.dynamics_gp.plan import ORDER, RETURN, batch_of
from knect_connectors.dynamics_gp.transaction import in_transaction

__all__ = ["write_return"]

_ZERO = Decimal(0)
_STEP = 16_384


class _Sold(Struct, frozen=True, kw_only=True):
    """The order a refund is of: header, lines, its tax details, what was given back before."""

    head: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    taxes: Sequence[Mapping[str, Any]]
    given_back: Decimal

    @property
    def number(self) -> str:
        return text(self.head["SOPNUMBE"])


async def write_return(client: GpClient, one: Call) -> Found:
    """Make the return of a refund. Raises WaitForPerson when it cannot be told what to credit."""
    body = one.effect.body
    sold = await _read(client, str(body["order"]), one.effect.external_id)
    if body["order_cancelled"] and (covered := _covered(sold, body)):
        return covered
    total = Decimal(body["total"])
    if sold.given_back + total > sold.head["DOCAMNT"]:
        raise WaitForPerson(
            f"order {sold.number} comes to {_plain(sold.head['DOCAMNT'])} in GP,"
            f" {_plain(sold.given_back)} of it were given back, and the shop gives back {total}"
            " more; settle it by hand, then skip this one",
            code="ChangedAtDestination",
            path="total",
            value=str(total),
        )
    rates = {text(row["TAXDTLID"]): row["TXDTLPCT"] for row in await client.rows("tax_details")}
    document = _document(client, sold, body, rates)
    async with client.database.session() as session:
        number = await next_number(session, RETURN, client.config.documents.returns)

    async def work(session: Session) -> Found:
        return await _write(session, one, sold, document, number)

    return await in_transaction(client, work)


async def _read(client: GpClient, number: str, external_id: str) -> _Sold:
    heads = await client.by_keys("documents", [number], ORDER)
    if not heads:
        raise WaitForPerson(
            f"order {number} this refund is of is no longer in GP",
            code="ChangedAtDestination",
            path="order_id",
        )
    others = await client.by_keys("returns", [f"return of {number}"])
    return _Sold(
        head=heads[-1],
        lines=await client.by_keys("document_lines", [number], ORDER),
        taxes=await client.by_keys("document_taxes", [number], ORDER),
        given_back=sum(
            (
                row["DOCAMNT"]
                for row in others
                if not row["VOIDSTTS"] and text(row["external_id"]) != external_id
            ),
            _ZERO,
        ),
    )


def _covered(sold: _Sold, body: Mapping[str, Any]) -> Found | None:
    """Return the order when its voiding took back what the refund gives; None to credit it."""
    if sold.head["VOIDSTTS"]:
        return Found(
            destination_id=sold.number,
            number=sold.number,
            remark="the order is voided in GP: nothing is left to be given back",
        )
    if any(line["restock"] == "cancel" for line in body["lines"]):
        raise MissingReference(
            f"the order was cancelled and refunded, but order {sold.number} is not voided in GP"
            " yet; the refund waits until its cancellation is settled there",
            kind="cancellation",
            value=sold.number,
            path="order_cancelled",
        )
    return None


def _document(
    client: GpClient, sold: _Sold, body: Mapping[str, Any], rates: Mapping[str, Decimal]
) -> dict[str, Any]:
    """Return lines, taxes and header. Pure but for the config."""
    config, cent = client.config, cent_of(str(body["currency"]))
    replace = config.characters == "Replace"
    currency = config.currency_id(str(body["currency"]))
    day = date.fromisoformat(str(body["date"]))
    same = {"SOPTYPE": RETURN, "DOCDATE": day, "LOCNCODE": config.site, "CURNCYID": currency}
    lines: list[dict[str, Any]] = []
    discount = _ZERO
    taxes: dict[str, dict[str, Decimal]] = {}

    def add(
        item: str, quantity: Decimal, net: Decimal, words: str, path: str, back: Decimal
    ) -> None:
        nonlocal discount
        priced = price(net, quantity, cent)
        discount += priced.excess
        values = {
            **same, "DOCID": config.documents.returns, "ITEMNMBR": item, "ITEMDESC": words[:100],
            "QUANTITY": quantity, "UNITPRCE": priced.unit, "XTNDPRCE": priced.extended,
            "QTYONHND": back, "QTYRTRND": _ZERO,
        }  # fmt: skip
        paths = {"ITEMNMBR": f"{path}.sku", "QUANTITY": f"{path}.quantity"}
        fitted = fit(procedures.LINE, values, paths, replace=replace)
        lines.append({"values": fitted, "paths": paths, "extended": priced.extended})

    def tax(detail: str, part: str, amount: Decimal, base: Decimal) -> None:
        share = taxes.setdefault(detail, dict.fromkeys(("goods", "freight", "base"), _ZERO))
        share[part] += amount
        share["base"] += base

    for line in body["lines"]:
        of = _line_of(sold, line)
        quantity, net, charged = (Decimal(line[name]) for name in ("quantity", "net", "tax"))
        path, item, words = line["path"], text(of["ITEMNMBR"]), text(of["ITEMDESC"])
        if quantity and line["restock"] == "return":
            add(item, quantity, net, words, path, quantity)
        elif net:
            without = f"{quantity.normalize():f} x {item}: {words}"
            add(body["refund_item"], Decimal(1), net, without, path, Decimal(1))
        if charged:
            tax(_detail(sold, rates, charged, net, quantity, cent, path), "goods", charged, net)
    adjustment = Decimal(body["adjustment"])
    if adjustment > 0:
        add(body["refund_item"], Decimal(1), adjustment, "Refund", "adjustment", Decimal(1))
    discount -= min(adjustment, _ZERO)
    freight, freight_tax = Decimal(body["freight"]), Decimal(body["freight_tax"])
    if not lines and freight:  # GP takes no document without a line
        add(body["refund_item"], Decimal(1), _ZERO, "Shipping", "shipping", Decimal(1))
    if freight_tax:
        detail = _detail(sold, rates, freight_tax, freight, Decimal(1), cent, "shipping_tax")
        tax(detail, "freight", freight_tax, freight)
    subtotal = sum((line["extended"] for line in lines), _ZERO)
    whole = sum((share["goods"] + share["freight"] for share in taxes.values()), _ZERO)
    header = {
        **same,
        "DOCID": config.documents.returns,
        "CUSTNAME": text(sold.head["CUSTNAME"]),
        "CSTPONBR": str(body["customer_order"]) or text(sold.head["CSTPONBR"]),
        "BACHNUMB": batch_of(config, day.isoformat()),
        "SUBTOTAL": subtotal,
        "FREIGHT": freight,
        "TRDISAMT": discount,
        "TAXAMNT": whole,
        "FRTTXAMT": sum((share["freight"] for share in taxes.values()), _ZERO),
        "DOCAMNT": Decimal(body["total"]),
        "USINGHEADERLEVELTAXES": 1,
        "CREATEDIST": 1,
        "NOTETEXT": str(body["comment"])[:8000],
    }
    return {
        "lines": lines,
        "taxes": [
            fit(procedures.TAX, {
                "SOPTYPE": RETURN, "LNITMSEQ": 0, "TAXDTLID": detail, "SALESAMT": share["base"],
                "STAXAMNT": share["goods"], "FRTTXAMT": share["freight"], "MSCTXAMT": _ZERO,
            }, {})
            for detail, share in taxes.items()
        ],
        "header": fit(procedures.HEADER, header, _PATHS, replace=replace),
    }  # fmt: skip


_PATHS = {"DOCAMNT": "total", "SUBTOTAL": "lines", "TAXAMNT": "lines", "FREIGHT": "shipping",
          "BACHNUMB": "batch", "DOCDATE": "created_at", "CURNCYID": "currency",
          "CUSTNMBR": "order_id", "NOTETEXT": "note"}  # fmt: skip


def _line_of(sold: _Sold, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the order's line a refund speaks of: by the shop's id, else by a SKU there once."""
    for line in sold.lines:
        if wanted["line"] and text(line["line_id"]) == str(wanted["line"])[-80:]:
            return line
    sku = str(wanted["sku"]).upper()
    same = [line for line in sold.lines if text(line["ITEMNMBR"]).upper() == sku]
    if len(same) == 1:
        return same[0]
    raise WaitForPerson(
        f"order {sold.number} has {len(same) or 'no'} lines with SKU {wanted['sku']!r} and none"
        " that remembers the shop's line; credit it in GP by hand, then skip this one",
        code="ChangedAtDestination",
        path=f"{wanted['path']}.sku",
        value=str(wanted["sku"]),
    )


def _detail(
    sold: _Sold,
    rates: Mapping[str, Decimal],
    amount: Decimal,
    net: Decimal,
    quantity: Decimal,
    cent: Decimal,
    path: str,
) -> str:
    """Return the order's tax detail an amount is of: the only one, or the only one that fits."""
    details = [text(row["TAXDTLID"]) for row in sold.taxes]
    near = cent * max(Decimal(1), quantity)
    fitting = [x for x in details if abs(net * rates.get(x, _ZERO) / 100 - amount) <= near]
    found = details if len(details) == 1 else fitting
    if len(found) != 1:
        raise WaitForPerson(
            f"of the tax details of order {sold.number} ({', '.join(details) or 'none'})"
            f" {'several explain' if fitting else 'none explains'} {amount} of tax on {net};"
            " credit it in GP by hand, then skip this one",
            code="ChangedAtDestination",
            path=path,
            value=str(amount),
        )
    return found[0]


async def _write(
    session: Session, one: Call, sold: _Sold, document: Mapping[str, Any], number: str
) -> Found:
    same = {"SOPNUMBE": number, "CUSTNMBR": text(sold.head["CUSTNMBR"])}
    claim = {"external_id": one.effect.external_id, "SOPTYPE": RETURN, **same,
             "content": f"return of {sold.number}", "trace": session.trace,
             "gone": one.gone or ""}  # fmt: skip
    await call(session, procedures.CLAIM, claim)
    for i, line in enumerate(document["lines"]):
        values = {**line["values"], **same, "LNITMSEQ": _STEP * (i + 1)}
        await call(session, procedures.LINE, values, line["paths"])
    for values in document["taxes"]:
        await call(session, procedures.TAX, {**values, **same}, {"TAXDTLID": "lines"})
    marked = fit(procedures.USER_DEFINED,
                 {"SOPTYPE": RETURN, "SOPNUMBE": number, "USERDEF1": sold.number}, {})  # fmt: skip
    await call(session, procedures.USER_DEFINED, marked)
    await call(session, procedures.HEADER, {**document["header"], **same}, _PATHS)
    left = [
        f"{Decimal(x['quantity']).normalize():f} x {x['sku']}"
        for x in one.effect.body["lines"]
        if x["restock"] == "cancel"
    ]
    remark = f"not to be shipped any more: {', '.join(left)}" if left else None
    return Found(destination_id=number, number=number, remark=remark)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
