"""A simulated Magento 1, and the merchant who works in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.pairs.ends import PRICES, STOCK, Offer, Shown, Sold, Words
from tests.pairs.stage import Stage

__all__ = ["Magento"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: magento1
  role: Spoke
  config:
    url: "http://127.0.0.1:PORT"
    timezone: Europe/Berlin
    stores: [{code: admin, currency: EUR}]
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {apiUser: knect, apiKey: simulated-api-key}
"""
_PAID = "2"


class Magento:
    """A shop of small orders, in a process of its own; one in five waits for its money."""

    words = Words(location="default", price_list="admin", carrier="dhl")
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations", "customers-back"}
    )  # fmt: skip
    acts = frozenset({"refund", "edit"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        options = {
            "kind": "small", "orders": 0, "seed": seed, "stock": STOCK, "session-calls": 60,
            "notices": 0.02,
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
        }  # fmt: skip
        port = stage.simulate("acme-shop", "magento1", options, faults)
        self._control = f"http://127.0.0.1:{port}"
        self._port = stage.lead("acme-shop", port)
        self._unpaid: set[str] = set()
        self._last: dict[str, str] = {}  # number of an order -> of its last edit

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
            unpaid = self._do("place", sku=sku, price=PRICES[sku], email=email)
            self._unpaid.add(unpaid)
            made.append(unpaid)
        return made

    def allows(self, act: str, order: str) -> bool:
        """Only what is paid can be refunded, only what is not can be edited or cancelled."""
        return (order in self._unpaid) == (act in ("edit", "cancel"))

    def refund(self, order: str) -> None:
        """Give all of it back; nothing goes back into stock."""
        self._do("refund", number=order)

    def edit(self, order: str) -> str:
        """Sell two strainers instead: the shop cancels the order and makes another one."""
        self._last[order] = self._do(
            "edit", number=order, sku="KN-500", price=PRICES["KN-500"], quantity="2"
        )
        return order

    def shown(self) -> Shown:
        """Return what there is."""
        state = self._stage.control(self._control, "state")
        products = {one["product_id"]: one for one in state["products"]}
        return Shown(
            orders=[
                self._sold(state, one)
                for one in state["orders"]
                if not one.get("original_increment_id")
            ],
            mails=Counter((m["kind"], m["order"], *m.get("tracks", ())) for m in state["mails"]),
            offers={
                products[identifier]["sku"]: Offer(
                    price=_asked(products[identifier]), pieces=int(Decimal(row["qty"]))
                )
                for identifier, row in state["stock"].items()
            },
            people={
                one["email"].casefold(): f"{one['firstname']} {one['lastname']}"
                for one in state["customers"]
            },
        )

    def _sold(self, state: Mapping[str, Any], first: Mapping[str, Any]) -> Sold:
        number = first["increment_id"]
        chain = {number, *([self._last[number]] if number in self._last else [])}
        last = next(
            one for one in state["orders"] if one["increment_id"] == self._last.get(number, number)
        )

        def mine(table: str) -> list[Mapping[str, Any]]:
            return [one for one in state[table] if one["order_increment_id"] in chain]

        return Sold(
            id=number,
            number=number,
            total=Decimal(last["base_grand_total"]),
            paid=[
                Decimal(one["base_grand_total"])
                for one in mine("invoices")
                if one["state"] == _PAID
            ],
            refunds=[Decimal(one["base_grand_total"]) for one in mine("creditmemos")],
            parcels=[track["number"] for one in mine("shipments") for track in one["tracks"]],
            cancelled=last["state"] == "canceled",
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


def _asked(product: Mapping[str, Any]) -> Decimal:
    """Return what a buyer is asked for; the special price stands below the crossed out one."""
    return Decimal(product["special_price"] or product["price"])
