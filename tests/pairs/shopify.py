"""A simulated Shopify, and the merchant who works in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.pairs.ends import PRICES, STOCK, Offer, Shown, Sold, Words
from tests.pairs.stage import Stage

__all__ = ["Shopify"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "http://127.0.0.1:PORT"}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {accessToken: shpat_simulated, webhookSecret: simulated-secret}
"""
_ARRIVED = ("SALE", "CAPTURE")


class Shopify:
    """A shop of small orders, in a process of its own."""

    words = Words(location="Warehouse", price_list="@base", carrier="DHL Express")
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations", "customers-back"}
    )  # fmt: skip
    acts = frozenset({"refund", "edit"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        options = {
            "kind": "small", "orders": 0, "seed": seed, "stock": STOCK,
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
        }  # fmt: skip
        port = stage.simulate("acme-shop", "shopify", options, faults)
        self._control = f"http://127.0.0.1:{port}"
        self._port = stage.lead("acme-shop", port)

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        return _DOCUMENTS.replace("PORT", str(self._port))

    def sell(self, count: int, seed: int) -> Sequence[str]:
        """Have new orders, every third slice from few guests; and somebody opens an account."""
        few = {"guests": 40} if seed % 3 == 0 else {}
        self._do("open_account", email=f"member{seed}@example.com", first="Ada", last="Member")
        made: list[str] = self._do(
            "create_orders", count=count, seed=seed, lines=1 + seed % 2, **few
        )
        return made

    def allows(self, act: str, order: str) -> bool:
        """Anything can be done to any order."""
        return True

    def refund(self, order: str) -> None:
        """Give one piece's money back; it is not sent back."""
        self._do("refund", id=order, line=0, units=1, restock="NO_RESTOCK")

    def edit(self, order: str) -> str:
        """Add a strainer."""
        self._do("add_line", id=order, sku="KN-500", units=1, price=PRICES["KN-500"])
        return order

    def shown(self) -> Shown:
        """Return what there is."""
        state = self._stage.control(self._control, "state")
        return Shown(
            orders=[_sold(one) for one in state["orders"]],
            mails=Counter((m["about"], m["order"], *m["tracking"]) for m in state["mails"]),
            offers={one["sku"]: _offer(one) for one in state["catalog"]["variants"]},
            people={
                one["defaultEmailAddress"]["emailAddress"].casefold(): " ".join(
                    filter(None, (one["firstName"], one["lastName"]))
                )
                for one in state["customers"]
                if one["defaultEmailAddress"]
            },
        )

    def calm(self) -> None:
        """Let no further fault happen."""
        self._stage.control(self._control, "faults", {"hang": 0.0})

    def requests(self) -> tuple[int, int]:
        """Return requests, and those that changed something."""
        return self._stage.logged("acme-shop")

    def injected(self) -> Counter[str]:
        """Return the faults that happened."""
        return Counter(self._stage.control(self._control, "faults"))

    def _do(self, act: str, **arguments: object) -> Any:
        return self._stage.control(self._control, f"do/{act}", arguments)


def _offer(variant: Mapping[str, Any]) -> Offer:
    (pieces,) = variant["available"].values()
    return Offer(price=Decimal(variant["price"]), pieces=pieces)


def _sold(order: Mapping[str, Any]) -> Sold:
    moved = [one for one in order["transactions"] if one["status"] == "SUCCESS"]
    there = [one for one in order["fulfillments"] if one["status"] != "CANCELLED"]
    return Sold(
        id=order["id"],
        number=order["name"].lstrip("#"),
        total=_amount(order["totalPriceSet"]),
        paid=[_amount(one["amountSet"]) for one in moved if one["kind"] in _ARRIVED],
        given_back=[_amount(one["amountSet"]) for one in moved if one["kind"] == "REFUND"],
        refunds=[_amount(one["totalRefundedSet"]) for one in order["refunds"]],
        parcels=[info["number"] for one in there for info in one["trackingInfo"]],
        cancelled=order["cancelledAt"] is not None,
    )


def _amount(bag: Mapping[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])
