"""A simulated BigCommerce store, and the merchant who works in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.pairs.ends import PRICES, STOCK, Offer, Shown, Sold, Words
from tests.pairs.stage import Stage

__all__ = ["BigCommerce"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: bigcommerce
  role: Spoke
  config: {storeHash: acme1, url: "http://127.0.0.1:PORT"}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {accessToken: simulated-token}
"""
_LAG = 0.5  # seconds after which stock that was told is seen
_CANCELLED = 5


class BigCommerce:
    """A store of small orders, in a process of its own."""

    words = Words(location="Default location", price_list="@base", carrier="DHL Express")
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations", "customers-back"}
    )  # fmt: skip
    acts = frozenset({"refund", "edit"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        options = {
            "kind": "small", "orders": 0, "seed": seed, "stock": STOCK, "stock-lag": _LAG,
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
        }  # fmt: skip
        port = stage.simulate("acme-shop", "bigcommerce", options, faults)
        self._control = f"http://127.0.0.1:{port}"
        self._port = stage.lead("acme-shop", port)

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        return _DOCUMENTS.replace("PORT", str(self._port))

    def sell(self, count: int, seed: int) -> Sequence[str]:
        """Have new orders, every third slice from few guests; and somebody opens an account."""
        few = {"guests": 40} if seed % 3 == 0 else {}
        self._do("open_account", email=f"member{seed}@example.com", first="Ada", last="Member")
        return [str(one) for one in self._do("create_orders", count=count, seed=seed, **few)]

    def allows(self, act: str, order: str) -> bool:
        """Anything can be done to any order."""
        return True

    def refund(self, order: str) -> None:
        """Give one piece's money back."""
        self._do("refund", id=int(order), line=0, quantity=1)

    def edit(self, order: str) -> str:
        """Add a strainer: all lines get other ids."""
        (row,) = [one for one in self._state()["orders"] if str(one["id"]) == order]
        lines = [
            {"sku": one["sku"], "price": one["base_price"], "quantity": one["quantity"]}
            for one in row["_products"]
        ]
        self._do(
            "edit", id=int(order), lines=[*lines, {"sku": "KN-500", "price": PRICES["KN-500"]}]
        )
        return order

    def shown(self) -> Shown:
        """Return what there is."""
        state = self._state()
        products = {one["id"]: one for one in state["products"]}
        variants = {one["id"]: one for one in state["variants"]}
        return Shown(
            orders=[_sold(one) for one in state["orders"]],
            mails=Counter((str(m["order"]), m["tracking"]) for m in state["mails"]),
            offers={
                variants[level["variant"]]["sku"]: Offer(
                    price=Decimal(products[variants[level["variant"]]["product_id"]]["price"]),
                    pieces=level["quantity"],
                )
                for level in state["levels"]
            },
            people={
                one["email"].casefold(): f"{one['first_name']} {one['last_name']}"
                for one in state["customers"]
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

    def _state(self) -> Any:
        return self._stage.control(self._control, "state")

    def _do(self, act: str, **arguments: object) -> Any:
        return self._stage.control(self._control, f"do/{act}", arguments)


def _sold(order: Mapping[str, Any]) -> Sold:
    moved = [one for one in order["_transactions"] if one["status"] == "ok"]
    return Sold(
        id=str(order["id"]),
        number=str(order["id"]),
        total=Decimal(order["total_inc_tax"]),
        paid=[Decimal(one["amount"]) for one in moved if one["event"] == "purchase"],
        given_back=[Decimal(one["amount"]) for one in moved if one["event"] == "refund"],
        refunds=[Decimal(one["total_amount"]) for one in order["_refunds"]],
        parcels=[one["tracking_number"] for one in order["_shipments"]],
        cancelled=order["status_id"] == _CANCELLED,
    )
