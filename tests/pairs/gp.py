"""A simulated GP, and the people who work in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from tests.pairs.ends import CARRIER, PRICES, STOCK, Held, Sale, Words
from tests.pairs.stage import Stage
from tests.support.real.ports import free_ports

__all__ = ["Gp"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: dynamics-gp
  role: Hub
  config:
    host: 127.0.0.1
    port: PORT
    database: TWO
    encryption: Plain
    site: WAREHOUSE
    priceLevels: [RETAIL]
    characters: Replace # names of buyers in all alphabets
  credentials: {secretRef: {name: acme-erp}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-erp}
stringData: {username: knect, password: simulated}
"""
_ORDER, _RETURN = 2, 4
#: What stands for what is no goods has no shelf.
_GOODS = "KN-"


class Gp:
    """A company of its own in a process of its own."""

    #: No customers back to the shop: GP keeps one name, and nobody splits it by guessing.
    words = Words(location="WAREHOUSE", price_list="RETAIL", carrier=CARRIER)
    matches = False
    flows = frozenset(
        {"orders", "refunds", "customers", "shipments", "stock", "prices", "cancellations"}
    )
    acts = frozenset({"parcel", "count", "price", "cancel"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        (control,) = free_ports(1)
        options = {
            "control": control, "seed": seed, "stock": STOCK,
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
        }  # fmt: skip
        port = stage.simulate("acme-erp", "dynamics-gp", options, faults)
        self._control = f"http://127.0.0.1:{control}"
        self._port = stage.lead("acme-erp", port)
        self._prices = {sku: Decimal(price) for sku, price in PRICES.items()}

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        return _DOCUMENTS.replace("PORT", str(self._port))

    def ship_one(self, tracking: str, spared: Collection[str]) -> str | None:
        """Transfer an order to an invoice, which is posted, and note the tracking number."""
        found = self._open(spared)
        if not found:
            return None
        self._do("ship", order=found[0][1], tracking=[tracking], carrier=CARRIER)
        return found[0][0]

    def cancel_one(self, spared: Collection[str]) -> str | None:
        """Void an order that nobody has shipped."""
        found = self._open(spared)
        if not found:
            return None
        self._do("void", order=found[-1][1])
        return found[-1][0]

    def count(self, sku: str, pieces: int) -> None:
        """Count a product's pieces at the site."""
        self._do("count", item=sku, on_hand=str(pieces))

    def price(self, sku: str, price: Decimal) -> None:
        """Give a product another price."""
        self._do("price", item=sku, price=str(price))
        self._prices[sku] = price

    def held(self) -> Held:
        """Return what there is."""
        state = self._state()
        orders = _order_of(state, _ORDER)
        return Held(
            sales=[
                Sale(
                    order=orders[one["number"]],
                    id=one["number"],
                    document=one["number"],
                    total=Decimal(one["total"]),
                    cancelled=one["voided"],
                )
                for one in state["documents"]
                if one["type"] == _ORDER
            ],
            credits=Counter(
                Decimal(one["total"]) for one in state["documents"] if one["type"] == _RETURN
            ),
            prices=self._prices,
            available={
                one["item"]: int(Decimal(one["on_hand"]) - Decimal(one["allocated"]))
                for one in state["quantities"]
            },
            emails=Counter(
                one["email"].strip().casefold() for one in state["customers"] if one["email"]
            ),
        )

    def calm(self) -> None:
        """Let no further fault happen."""

    def requests(self) -> tuple[int, int]:
        """Return requests, and those that changed something."""
        return self._stage.logged("acme-erp")

    def injected(self) -> Counter[str]:
        """Return the faults that happened, by the request log."""
        return Counter(call.fault for call in self._stage.calls("acme-erp") if call.fault)

    def _open(self, spared: Collection[str]) -> list[tuple[str, str]]:
        """Return (order, document) of what is neither shipped nor void, oldest first."""
        state = self._state()
        orders = _order_of(state, _ORDER)
        return [
            (orders[one["number"]], one["number"])
            for one in sorted(state["documents"], key=lambda one: str(one["number"]))
            if one["type"] == _ORDER and one["stage"] == "work" and not one["voided"]
            if one["number"] in orders and orders[one["number"]] not in spared
        ]

    def _state(self) -> Any:
        return self._stage.control(self._control, "state")

    def _do(self, act: str, **arguments: object) -> Any:
        return self._stage.control(self._control, f"do/{act}", arguments)


def _order_of(state: Mapping[str, Any], kind: int) -> dict[str, str]:
    """Return document number -> the record's id in the shop."""
    return {
        one["SOPNUMBE"].strip(): one["external_id"].strip().partition(":")[2]
        for one in state["deliveries"]
        if one["SOPTYPE"] == kind
    }
