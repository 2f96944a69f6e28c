"""A simulated WooCommerce, and the merchant who works in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.pairs.ends import PRICES, STOCK, Offer, Shown, Sold, Words
from tests.pairs.stage import Stage

__all__ = ["WooCommerce"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: woocommerce
  role: Spoke
  config: {url: "http://127.0.0.1:PORT", timezone: Europe/Berlin}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {consumerKey: ck_simulated, consumerSecret: cs_simulated}
"""
_PARCEL = "_knect_shipment_"


class WooCommerce:
    """A shop of small orders, in a process of its own; one in five waits for its money."""

    words = Words(location="default", price_list="default", carrier="DHL Express")
    # No customers back: one run of several ended with a name in the ERP that the shop had not, and
    # nothing waiting. It is not explained yet.
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations"}
    )  # fmt: skip
    acts = frozenset({"refund", "edit"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        options = {
            "kind": "small", "orders": 0, "seed": seed, "stock": STOCK,
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
        }  # fmt: skip
        port = stage.simulate("acme-shop", "woocommerce", options, faults)
        self._control = f"http://127.0.0.1:{port}"
        self._port = stage.lead("acme-shop", port)
        self._unpaid: set[str] = set()

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        return _DOCUMENTS.replace("PORT", str(self._port))

    def sell(self, count: int, seed: int) -> Sequence[str]:
        """Have new orders, every third slice from few guests; and somebody opens an account."""
        few = {"guests": 40} if seed % 3 == 0 else {}
        self._do("open_account", email=f"member{seed}@example.com", first="Ada", last="Member")
        later = (count + 3) // 5
        made: list[str] = list(self._do("create_orders", count=count - later, **few))
        for number in range(later):
            sku = list(PRICES)[(seed + number) % len(PRICES)]
            email = f"later{seed}-{number}@example.com"
            unpaid = self._do("place", sku=sku, price=PRICES[sku], email=email, paid=False)
            self._unpaid.add(unpaid)
            made.append(unpaid)
        return made

    def allows(self, act: str, order: str) -> bool:
        """Only what is paid can be refunded, only what is not can be edited."""
        return act == "cancel" or (order in self._unpaid) == (act == "edit")

    def refund(self, order: str) -> None:
        """Give all of it back; nothing goes back into stock."""
        self._do("refund", order=order)

    def edit(self, order: str) -> str:
        """Sell two of it instead."""
        self._do("edit", order=order, quantity="2")
        return order

    def shown(self) -> Shown:
        """Return what there is."""
        state = self._stage.control(self._control, "state")
        return Shown(
            orders=[_sold(state, one) for one in state["orders"]],
            mails=Counter((m["kind"], str(m["order"]), *m["text"].split()) for m in state["mails"]),
            offers={
                one["sku"]: Offer(price=Decimal(one["price"]), pieces=one["stock_quantity"])
                for one in state["products"]
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

    def _do(self, act: str, **arguments: object) -> Any:
        return self._stage.control(self._control, f"do/{act}", arguments)


def _sold(state: Mapping[str, Any], order: Mapping[str, Any]) -> Sold:
    total = Decimal(order["total"])
    back = [
        Decimal(one["amount"]) for one in state["refunds"] if one["parent_id_of"] == order["id"]
    ]
    told = (one for one in order["meta_data"] if one["key"].startswith(_PARCEL))
    return Sold(
        id=str(order["id"]),
        number=str(order["number"]),
        total=total,
        paid=[total] if order["date_paid_gmt"] else [],
        refunds=back,
        parcels=[number for one in told for number in one["value"]["numbers"]],
        cancelled=order["status"] == "cancelled",
    )
