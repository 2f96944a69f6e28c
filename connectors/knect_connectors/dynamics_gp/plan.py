"""From a document to the writes that make it, in order. Pure.

    customer   find by our mark or by e-mail, else create
    order      one sales document in one transaction of GP's database, with our mark
    void       of an order that was cancelled before GP shipped or invoiced it

Must not: call the server, or hold anything that is not in the delivery.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from knect.sdk.contract import Delivery, Effect, Operation, Removal
from knect.sdk.errors import Fatal, Refused
from knect.sdk.owned import require_owned
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.config import Config, Shortage
from knect_connectors.dynamics_gp.fields import fit
from knect_connectors.dynamics_gp.plan_people import customer_effect, phone_of

__all__ = [
    "ORDER",
    "RETURN",
    "batch_of",
    "content_of",
    "line_paths",
    "plan_order",
    "plan_removal",
    "tax_paths",
    "void_effect",
]

#: SOPTYPE of what is written.
ORDER, RETURN = 2, 4
_REQUIRED = ("customer", "lines", "currency", "date", "total", "subtotal", "customer_order")


def plan_order(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of an order."""
    document = delivery.document
    key = delivery.external_id
    require_owned(document, "an order", _REQUIRED)
    if not delivery.sought and (document.get("cancelled") or not document["lines"]):
        if delivery.bound is None:
            return ()  # never got here: nothing to take back
        return (void_effect(key, delivery.bound, "was cancelled"),)
    customer = customer_effect(config, document, fallback=key)
    order = Effect(
        name="order",
        write="order",
        entity="orders",
        operation=Operation.CREATE if delivery.bound is None else Operation.UPDATE,
        key=_order_key(delivery),
        external_id=key,
        body=_order_body(config, delivery),
        needs=("customer",),
        target=delivery.bound,
        primary=True,
        match=delivery.match,
    )
    return (customer, order)


def plan_removal(removal: Removal) -> Sequence[Effect]:
    """Return the effects of a deletion in the shop."""
    if (removal.entity, removal.how) != ("orders", "Cancel"):
        raise Fatal(
            f"GP's connector cannot {removal.how} {removal.entity};"
            " set destination.onSourceDelete to Ignore",
            path="destination.onSourceDelete",
        )
    return (void_effect(removal.external_id, removal.bound, "was deleted"),)


def void_effect(key: str, target: str, what: str) -> Effect:
    """Return the effect that voids an order; `what` became of it in the shop."""
    return Effect(
        name="void",
        write="void",
        entity="orders",
        operation=Operation.ACT,
        key=key,
        external_id=key,
        body={"what": what},
        target=target,
        primary=True,
    )


def batch_of(config: Config, day: str) -> str:
    """Return the batch id of a document's date (ISO)."""
    return config.documents.batch.replace("{date}", day.replace("-", ""))


def line_paths(path: str) -> dict[str, str]:
    """Return where in the record a line's parameters come from; `path` is the line's."""
    return {
        "ITEMNMBR": f"{path}.sku",
        "ITEMDESC": f"{path}.title",
        "QUANTITY": f"{path}.quantity",
        "UNITPRCE": f"{path}.unit_price",
        "XTNDPRCE": f"{path}.unit_price",
        "CURNCYID": "currency",
        "CMMTTEXT": f"{path}.discounts",
        "DOCDATE": "placed_at",
    }


def tax_paths(path: str) -> dict[str, str]:
    """Return where in the record a tax row's parameters come from."""
    return {"TAXDTLID": path, "STAXAMNT": path}


def content_of(lines: Sequence[Mapping[str, Any]], amounts: Mapping[str, Any]) -> str:
    """Return a hash of what a document sells, by which a change of somebody else's is noticed.

    `lines` have ITEMNMBR, QUANTITY, UNITPRCE; `amounts` FREIGHT, MISCAMNT, TRDISAMT, TAXAMNT.
    """
    sold = sorted(
        (str(x["ITEMNMBR"]).strip().upper(), _digits(x["QUANTITY"]), _digits(x["UNITPRCE"]))
        for x in lines
    )
    sums = [_digits(amounts[name]) for name in ("FREIGHT", "MISCAMNT", "TRDISAMT", "TAXAMNT")]
    return blake2b(repr((sold, sums)).encode(), digest_size=20).hexdigest()


def _digits(value: Any) -> str:
    return f"{Decimal(str(value)):.5f}"


def _order_key(delivery: Delivery) -> str:
    names = sorted(str(v) for k, v in delivery.match.items() if k in ("number", "name"))
    if delivery.match and not names:
        raise Fatal(
            "an order is not adopted by its customer alone; add number to destination.match",
            path="destination.match",
        )
    return "|".join(("customer order", *names)) if delivery.match else delivery.external_id


def _order_body(config: Config, delivery: Delivery) -> dict[str, Any]:
    document, resolved = delivery.document, delivery.resolved
    currency = config.currency_id(str(document["currency"]))
    day = date.fromisoformat(str(document["date"])[:10])
    replace = config.characters == "Replace"
    items = {value.upper(): found for (kind, value), found in resolved.items() if kind == "sku"}
    same = {"SOPTYPE": ORDER, "DOCDATE": day, "LOCNCODE": config.site, "CURNCYID": currency}
    lines: list[dict[str, Any]] = []
    for line in document["lines"]:
        path = line["path"]
        values = {
            **same,
            "DOCID": config.documents.order,
            "ITEMNMBR": items.get(str(line["item"]).upper(), line["item"]),
            "ITEMDESC": str(line.get("description") or "")[:100],
            "QUANTITY": Decimal(str(line["quantity"])),
            "UNITPRCE": Decimal(str(line["unit"])),
            "XTNDPRCE": Decimal(str(line["extended"])),
            "QtyShrtOpt": int(Shortage[config.shortage]),
            "CMMTTEXT": str(line.get("note") or "")[:500],
            "UpdateIfExists": 0,
        }
        fitted = fit(procedures.LINE, values, line_paths(path), replace=replace)
        lines.append({"values": fitted, "line": str(line.get("line") or ""), "path": path})
    header = _header(config, document, same, replace=replace)
    return {
        "lines": lines,
        "taxes": _taxes(document, resolved, replace=replace),
        "header": header,
        "user_defined": fit(
            procedures.USER_DEFINED,
            {"SOPTYPE": ORDER, "USERDEF1": str(document["customer_order"])},
            {"USERDEF1": "number"},
            replace=replace,
        ),
        "content": content_of([line["values"] for line in lines], header),
        "total": str(document["total"]),
        "moved_to": _moved_to(delivery),
        "sold_to": _sold_to(delivery),
        "numbers": sorted(str(v) for k, v in delivery.match.items() if k in ("number", "name")),
    }


def _sold_to(delivery: Delivery) -> str:
    """Return who has bought it now, if that is somebody else than it was."""
    now = delivery.document["customer"]
    before = (delivery.previous or {}).get("customer") or now
    name = "identifier" if now["identifier"] or before["identifier"] else "email"
    if now[name] == before[name]:
        return ""
    return ", ".join(filter(None, (now["name"], now["email"])))


def _moved_to(delivery: Delivery) -> str:
    """Return where the order is to be shipped now, if that is another place than it was."""
    now, before = (
        {name: value for name, value in (one.get("ship_to") or {}).items() if name != "path"}
        for one in (delivery.document, delivery.previous or {})
    )
    if not before or now == before:
        return ""
    town = " ".join(filter(None, (now.get("postal_code"), now.get("city"))))
    return ", ".join(filter(None, (now.get("name"), *now.get("street", ()), town)))


#: Parameter of the header -> field of the order.
HEADER_PATHS = {
    "CUSTNMBR": "customer",
    "CUSTNAME": "customer.name",
    "CSTPONBR": "number",
    "BACHNUMB": "batch",
    "CURNCYID": "currency",
    "DOCDATE": "placed_at",
    "ShipToName": "shipping_address.name",
    "ADDRESS1": "shipping_address.street[0]",
    "ADDRESS2": "shipping_address.street[1]",
    "ADDRESS3": "shipping_address.street[2]",
    "CNTCPRSN": "shipping_address.name",
    "CITY": "shipping_address.city",
    "STATE": "shipping_address.region",
    "ZIPCODE": "shipping_address.postal_code",
    "COUNTRY": "shipping_address.country",
    "PHNUMBR1": "shipping_address.phone",
    "DOCAMNT": "totals.total",
    "SUBTOTAL": "totals.lines",
    "TAXAMNT": "totals.tax",
    "FREIGHT": "totals.shipping",
    "TRDISAMT": "totals.discounts",
    "SHIPMTHD": "shipping_lines[0].title",
    "NOTETEXT": "note",
    "CMMTTEXT": "discounts",
}


def _taxes(
    document: Mapping[str, Any], resolved: Mapping[tuple[str, str], str], *, replace: bool
) -> list[dict[str, Any]]:
    """Return a row per tax detail: GP takes one of each, whatever names the shop has for it."""
    rows: dict[str, tuple[str, dict[str, Decimal]]] = {}
    for tax in document.get("taxes", ()):
        detail = resolved.get(("tax", tax["ref"]), tax["ref"])
        _, sums = rows.setdefault(detail, (tax["path"], dict.fromkeys(_OF_A_TAX, Decimal(0))))
        for column, name in _OF_A_TAX.items():
            sums[column] += Decimal(str(tax[name]))
    return [
        {
            "values": fit(
                procedures.TAX,
                {"SOPTYPE": ORDER, "LNITMSEQ": 0, "TAXDTLID": detail, **sums},
                {"TAXDTLID": path},
                replace=replace,
            ),
            "path": path,
        }
        for detail, (path, sums) in rows.items()
    ]


#: GP's column -> what of a tax is in it.
_OF_A_TAX: Mapping[str, str] = {
    "SALESAMT": "base", "STAXAMNT": "goods", "FRTTXAMT": "freight", "MSCTXAMT": "misc",
}  # fmt: skip


def _header(
    config: Config, document: Mapping[str, Any], same: Mapping[str, Any], *, replace: bool
) -> dict[str, Any]:
    ship = document.get("ship_to") or {}
    street = [*ship.get("street", ()), "", "", ""]
    taxes = document.get("taxes", ())
    values = {
        **same,
        "DOCID": config.documents.order,
        "CUSTNAME": str(document["customer"]["name"]),
        "CSTPONBR": str(document["customer_order"]),
        "BACHNUMB": batch_of(config, str(document["date"])[:10]),
        "SHIPMTHD": document.get("shipping_method", ""),
        "ShipToName": ship.get("name", ""),
        "ADDRESS1": street[0],
        "ADDRESS2": street[1],
        "ADDRESS3": street[2],
        "CNTCPRSN": ship.get("contact", ""),
        "CITY": ship.get("city", ""),
        "STATE": ship.get("region", ""),
        "ZIPCODE": ship.get("postal_code", ""),
        "COUNTRY": ship.get("country", ""),
        "PHNUMBR1": phone_of(ship.get("phone", "")),
        "SUBTOTAL": Decimal(str(document["subtotal"])),
        "FREIGHT": Decimal(str(document.get("freight", 0))),
        "MISCAMNT": Decimal(str(document.get("miscellaneous", 0))),
        "TRDISAMT": Decimal(str(document.get("trade_discount", 0))),
        "TAXAMNT": Decimal(str(document.get("tax", 0))),
        "FRTTXAMT": sum((Decimal(str(tax["freight"])) for tax in taxes), Decimal(0)),
        "MSCTXAMT": sum((Decimal(str(tax["misc"])) for tax in taxes), Decimal(0)),
        "DOCAMNT": Decimal(str(document["total"])),
        "USINGHEADERLEVELTAXES": 1,
        "CREATETAXES": 0,
        "CREATEDIST": 1,
        "DEFPRICING": 0,
        "CKHOLD": int(config.checkHold),
        "CKCreditLimit": int(config.checkCreditLimit),
        "UpdateExisting": 0,
        "CMMTTEXT": str(document.get("discounts") or "")[:500],
        "NOTETEXT": str(document.get("comment") or "")[:8000],
    }
    whole = values["SUBTOTAL"] - values["TRDISAMT"] + values["FREIGHT"] + values["MISCAMNT"]
    if whole + values["TAXAMNT"] != values["DOCAMNT"]:
        raise Refused(
            f"the document's parts come to {whole + values['TAXAMNT']}, but its total is"
            f" {values['DOCAMNT']}; correct mapping.set",
            code="TotalsMismatch",
            path="total",
            value=str(values["DOCAMNT"]),
        )
    return fit(procedures.HEADER, values, HEADER_PATHS, replace=replace)
