"""The documents of a pair: two Connections and a pipeline for every flow both can do.

Must not: differ by pair but in what the ends call things.
"""

from tests.pairs.ends import CARRIER, Erp, Shop

__all__ = ["BUFFER", "FLOWS", "declared"]

#: Pieces that are never sold: part of the declared formula.
BUFFER = 2

_MAPS = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: locations}
data: {"%(from_location)s": "%(to_location)s"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: price-lists}
data: {"%(from_list)s": "%(to_list)s"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: carriers}
data: {"%(from_carrier)s": "%(to_carrier)s"}
"""
_PIPELINE = """\
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: NAME}
spec:
  entity: ENTITY
  source: {connectionRef: {name: FROM}, start: Beginning}
  destination: {connectionRef: {name: TO}MORE}
  trigger: {poll: {every: 2s}}
  delivery: {batchSize: 25, maxInFlight: 4, retry: {attempts: 15, initial: 300ms, max: 2s}}
"""
_NO_MONEY = 'payment.status != "success"'
_CARRIER = (
    "size(shipment.trackings) > 0 && shipment.trackings[0].carrier != null ? "
    'lookup("carriers", shipment.trackings[0].carrier) : null'
)
#: Flow -> (entity, whether it goes to the ERP, more of the destination, mapping)
FLOWS = {
    "orders": ("orders", True, ", write: Upsert", ""),
    "payments": (
        "payments", True, ", write: Create",
        f"admit: [{{when: '{_NO_MONEY}', then: Skip, reason: no money moved}}]",
    ),
    "refunds": (
        "refunds", True, ", write: Create",
        "admit: [{when: refund.pending, then: Wait, reason: the money is not back yet}]",
    ),
    "customers": ("customers", True, ", match: [email]", ""),
    "shipments": (
        "shipments", False, "",
        f"set: {{carrier: '{_CARRIER}'}}\n"
        "    valueMaps: [{name: carriers, configMapRef: {name: carriers}}]",
    ),
    "stock": (
        "inventory", False, "",
        f"set: {{available: 'max(0, int(level.available - open_orders(level.sku) - {BUFFER}))'}}\n"
        "    valueMaps: [{name: location, configMapRef: {name: locations}}]",
    ),
    "prices": (
        "prices", False, "",
        "admit: [{when: '!price.sku.startsWith(\"KN-\")', then: Skip, reason: not sold there}]\n"
        "    valueMaps: [{name: price_list, configMapRef: {name: price-lists}}]",
    ),
    "cancellations": (
        "orders", False, ", write: Update",
        "admit: [{when: order.cancelled_at == null, then: Skip, reason: still sold}]",
    ),
    "customers-back": ("customers", False, ", write: Update", ""),
}  # fmt: skip


def declared(shop: Shop, erp: Erp) -> str:
    """Return the documents of a pair, as `knect run -f` takes them."""
    maps = _MAPS % {
        "from_location": erp.words.location,
        "to_location": shop.words.location,
        "from_list": erp.words.price_list,
        "to_list": shop.words.price_list,
        "from_carrier": CARRIER,
        "to_carrier": shop.words.carrier,
    }
    text = f"{shop.documents()}---\n{erp.documents()}{maps}"
    for name in FLOWS:
        if name in shop.flows & erp.flows:
            text += _pipeline(name, matches=erp.matches)
    return text


def _pipeline(name: str, *, matches: bool) -> str:
    entity, to_erp, more, mapping = FLOWS[name]
    more = more if matches or "match" not in more else ""
    ends = ("acme-shop", "acme-erp") if to_erp else ("acme-erp", "acme-shop")
    text = _PIPELINE.replace("NAME", name).replace("ENTITY", entity).replace("MORE", more)
    text = text.replace("FROM", ends[0]).replace("TO", ends[1])
    return text + (f"  mapping:\n    {mapping}\n" if mapping else "")
