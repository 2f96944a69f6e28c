"""Reading orders (work and history as one) and what was shipped of them.

* An order is one record by its number, whether it stands in the work tables or in history; its
  time is the latest of header and lines, which GP stamps apart.
* A shipment is a posted invoice made of an order Knect wrote, or of what was back ordered of it,
  with its tracking numbers. GP does not say what is in which parcel, so an invoice is one shipment
  with all its numbers. Tracking numbers carry no mark, hence the sweep.

Must not: write.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.model import (
    Address,
    Discount,
    Fee,
    Order,
    OrderLine,
    PartyRef,
    Shipment,
    ShipmentLine,
    ShippingLine,
    TaxLine,
    Totals,
    Tracking,
)
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import at_of, plain, text
from knect_connectors.dynamics_gp.listed import Listed, Loaded, by_key
from knect_connectors.dynamics_gp.sweeping import sweeper

__all__ = ["ORDERS", "SHIPMENTS"]

_ORDER, _INVOICE, _BACK_ORDER = 2, 3, 5
_ZERO = Decimal(0)


async def _load_orders(client: GpClient, numbers: Sequence[str]) -> Loaded:
    rows = await client.by_keys("documents", numbers, _ORDER)
    lines = by_key(await client.by_keys("document_lines", numbers, _ORDER), "SOPNUMBE")
    stamps = await client.by_keys("order_stamps", numbers)
    times = {text(row["SOPNUMBE"]): at_of(row["changed"]) for row in stamps}
    found = {}
    # one that is just being moved may be seen twice: history is the later one
    for row in sorted(rows, key=lambda one: one["stage"] == "history"):
        number = text(row["SOPNUMBE"])
        raw = plain(row)
        raw.pop("changed")
        raw["lines"] = lines.get(number, [])
        found[number] = (times[number], raw)
    return found


def _order(client: GpClient, raw: dict[str, Any]) -> Order:
    changed = datetime.fromisoformat(raw["last_modified_at"])
    voided = bool(raw["VOIDSTTS"])
    lines = tuple(map(_line, raw["lines"])) if not voided else ()
    gross = sum((line.quantity * line.unit_price for line in lines), _ZERO)
    parts = {name: _ZERO if voided else Decimal(raw[name]) for name in _AMOUNTS}
    fees = []
    if parts["MISCAMNT"]:
        fees.append(Fee(kind="miscellaneous", amount=parts["MISCAMNT"]))
    if parts["TAXAMNT"]:
        tax = TaxLine(title="Tax", amount=parts["TAXAMNT"])
        fees.append(Fee(kind="tax", amount=_ZERO, taxes=(tax,)))
    freight = parts["FRTAMNT"]
    placed = raw["DOCDATE"] or raw["last_modified_at"]
    return Order(
        source_id=raw["SOPNUMBE"],
        number=raw["SOPNUMBE"],
        name=raw["SOPNUMBE"],
        currency=client.config.currency_code(raw["CURNCYID"]),
        totals=Totals(total=parts["DOCAMNT"], tax=parts["TAXAMNT"], shipping=freight),
        placed_at=datetime.fromisoformat(placed),
        updated_at=changed,
        lines=lines,
        shipping_lines=(
            (ShippingLine(id="freight", title=raw["SHIPMTHD"], price=freight),) if freight else ()
        ),
        fees=tuple(fees),
        discounts=(
            (Discount(amount=parts["TRDISAMT"], title="Trade discount"),)
            if parts["TRDISAMT"]
            else ()
        ),
        rounding=parts["SUBTOTAL"] - gross,
        customer=PartyRef(source_id=raw["CUSTNMBR"], name=raw["CUSTNAME"]),
        shipping_address=Address(
            name=raw["ShipToName"] or None,
            street=tuple(filter(None, (raw["ADDRESS1"], raw["ADDRESS2"], raw["ADDRESS3"]))),
            city=raw["CITY"] or None,
            postal_code=raw["ZIPCODE"] or None,
            region_name=raw["STATE"] or None,
            phone=raw["PHNUMBR1"] or None,
        ),
        fulfillment_status="fulfilled" if raw["stage"] == "history" and not voided else "open",
        cancelled_at=changed if voided else None,
        po_number=raw["CSTPONBR"] or None,
        attributes={"stage": raw["stage"], "batch": raw["BACHNUMB"], "document_id": raw["DOCID"]},
    )


_AMOUNTS = ("SUBTOTAL", "FRTAMNT", "MISCAMNT", "TRDISAMT", "TAXAMNT", "DOCAMNT")


def _line(row: dict[str, Any]) -> OrderLine:
    return OrderLine(
        id=str(row["LNITMSEQ"]),
        quantity=Decimal(row["QUANTITY"]) - Decimal(row["QTYCANCE"]),
        unit_price=Decimal(row["UNITPRCE"]),
        sku=row["ITEMNMBR"],
        title=row["ITEMDESC"],
    )


async def _load_shipments(client: GpClient, numbers: Sequence[str]) -> Loaded:
    rows = await client.by_keys("shipments", numbers)
    lines = by_key(await client.by_keys("document_lines", numbers, _INVOICE), "SOPNUMBE")
    names = await _lines_of_origins(client, rows)
    tracking = by_key(await client.by_keys("tracking", numbers, _INVOICE), "SOPNUMBE")
    found = {}
    for row in rows:
        raw = plain(row)
        raw.pop("changed")
        number = raw["SOPNUMBE"]
        ids = names[raw["ORIGTYPE"], raw["ORIGNUMB"]]
        raw["lines"] = [
            {**line, "line_id": ids.get(line["ORGSEQNM"], "")} for line in lines.get(number, [])
        ]
        raw["tracking"] = [one["Tracking_Number"] for one in tracking.get(number, [])]
        found[number] = (at_of(row["changed"]), raw)
    return found


_Origin = tuple[int, str]


async def _lines_of_origins(
    client: GpClient, rows: Sequence[Mapping[str, Any]]
) -> dict[_Origin, dict[int, str]]:
    """Return what the shop calls the lines of what invoices were made of: a line of a back order,
    or of an order made of one, is the line it was made of.
    """
    wanted = {(int(row["ORIGTYPE"]), text(row["ORIGNUMB"])) for row in rows}
    origins = set(wanted)
    made_of: dict[_Origin, _Origin] = {}
    found: dict[_Origin, list[dict[str, Any]]] = {}
    while wanted:
        for soptype in (_ORDER, _BACK_ORDER):
            numbers = sorted(number for kind, number in wanted if kind == soptype)
            if not numbers:
                continue
            lines = by_key(await client.by_keys("document_lines", numbers, soptype), "SOPNUMBE")
            found |= {(soptype, number): lines.get(number, []) for number in numbers}
            for row in await client.by_keys("documents", numbers, soptype):
                if row["ORIGTYPE"] in (_ORDER, _BACK_ORDER):
                    here = soptype, text(row["SOPNUMBE"])
                    made_of[here] = int(row["ORIGTYPE"]), text(row["ORIGNUMB"])
        wanted = {made_of[one] for one in wanted if one in made_of} - found.keys()
    return {one: _named(one, found, made_of) for one in origins}


def _named(
    origin: _Origin,
    lines: Mapping[_Origin, Sequence[Mapping[str, Any]]],
    made_of: Mapping[_Origin, _Origin],
) -> dict[int, str]:
    """Return sequence -> the shop's id of the line, of one document."""
    own = {line["LNITMSEQ"]: line["line_id"] or "" for line in lines.get(origin, ())}
    before = made_of.get(origin)
    if before is None or before not in lines:
        return own
    names = _named(before, lines, made_of)
    return {
        line["LNITMSEQ"]: own[line["LNITMSEQ"]] or names.get(line["ORGSEQNM"], "")
        for line in lines[origin]
    }


def _shipment(client: GpClient, raw: dict[str, Any]) -> Shipment:
    del client
    shipped = raw["ACTLSHIP"] or raw["DOCDATE"]
    carrier = raw["SHIPMTHD"] or None
    return Shipment(
        source_id=raw["SOPNUMBE"],
        order_id=raw["ORDNUMBE"],
        order_number=raw["CSTPONBR"] or None,
        location=raw["LOCNCODE"] or None,
        lines=tuple(
            ShipmentLine(
                line_id=line["line_id"], quantity=Decimal(line["QUANTITY"]), sku=line["ITEMNMBR"]
            )
            for line in raw["lines"]
        ),
        trackings=tuple(Tracking(number=one, carrier=carrier) for one in raw["tracking"]),
        status="cancelled" if raw["VOIDSTTS"] else "shipped",
        shipped_at=datetime.fromisoformat(shipped) if shipped else None,
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
    )


ORDERS = Listed(listing="orders_changed", key="SOPNUMBE", load=_load_orders, record=_order)
SHIPMENTS = Listed(
    listing="shipments_changed",
    key="SOPNUMBE",
    load=_load_shipments,
    record=_shipment,
    sweep=sweeper("shipments"),
)
