"""A simulated Magento 2, and the merchant who works in it.

Must not: be asked through Knect what it holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.pairs.ends import PRICES, STOCK, Offer, Shown, Sold, Words
from tests.pairs.stage import Stage

__all__ = ["Magento2"]

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: magento2
  role: Spoke
  config:
    url: "http://127.0.0.1:PORT"
    timezone: Europe/Berlin
    stores: [{code: all, currency: EUR}]
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData:
KEYS
"""
_KEYS = {
    "consumerKey": "consumer-key-1", "consumerSecret": "consumer-secret-1",
    "accessToken": "access-token-1", "accessTokenSecret": "access-token-secret-1",
}  # fmt: skip
_OPTIONS = {
    "consumer-key": "consumerKey", "consumer-secret": "consumerSecret",
    "access-token": "accessToken", "access-token-secret": "accessTokenSecret",
}  # fmt: skip
_PAID = 2


class Magento2:
    """A shop of small orders, in a process of its own; one in five waits for its money."""

    words = Words(location="default", price_list="all", carrier="dhl")
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations", "customers-back"}
    )  # fmt: skip
    acts = frozenset({"refund", "edit"})

    def __init__(self, stage: Stage, *, seed: int, faults: Mapping[str, float]) -> None:
        self._stage = stage
        options = {
            "kind": "small", "orders": 0, "seed": seed, "stock": STOCK, "mark-lag": 1,
            # a parcel that comes after the figure that knows of it would take its pieces off again
            "deducts": "off",
            "skus": ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items()),
            **{option: _KEYS[key] for option, key in _OPTIONS.items()},
        }  # fmt: skip
        port = stage.simulate("acme-shop", "magento2", options, faults)
        self._control = f"http://127.0.0.1:{port}"
        self._port = stage.lead("acme-shop", port)
        self._unpaid: set[str] = set()
        self._numbers: dict[str, str] = {}  # order -> its number
        self._last: dict[str, str] = {}  # order -> number of its last edit

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        keys = "\n".join(f"  {name}: {value}" for name, value in _KEYS.items())
        return _DOCUMENTS.replace("PORT", str(self._port)).replace("KEYS", keys)

    def sell(self, count: int, seed: int) -> Sequence[str]:
        """Have new orders, every third slice from few guests; and somebody opens an account."""
        few = {"guests": 40} if seed % 3 == 0 else {}
        self._do("open_account", email=f"member{seed}@example.com", first="Ada", last="Member")
        later = (count + 3) // 5
        paid: list[str] = list(self._do("create_orders", count=count - later, **few))
        unpaid: list[str] = []
        for number in range(later):
            sku = list(PRICES)[(seed + number) % len(PRICES)]
            email = f"later{seed}-{number}@example.com"
            unpaid.append(self._do("place", sku=sku, price=PRICES[sku], email=email))
        ids = {one["increment_id"]: str(one["entity_id"]) for one in self._state()["orders"]}
        self._numbers |= {ids[number]: number for number in (*paid, *unpaid)}
        self._unpaid |= {ids[number] for number in unpaid}
        return [ids[number] for number in (*paid, *unpaid)]

    def allows(self, act: str, order: str) -> bool:
        """Only what is paid can be refunded, only what is not can be edited or cancelled."""
        return (order in self._unpaid) == (act in ("edit", "cancel"))

    def refund(self, order: str) -> None:
        """Give all of it back; nothing goes back into stock."""
        self._do("refund", number=self._numbers[order])

    def edit(self, order: str) -> str:
        """Sell two strainers instead: the shop cancels the order and makes another one."""
        self._last[order] = self._do(
            "edit", number=self._numbers[order], sku="KN-500", price=PRICES["KN-500"], quantity="2"
        )
        return order

    def shown(self) -> Shown:
        """Return what there is."""
        state = self._state()
        products = {one["sku"]: one for one in state["products"]}
        return Shown(
            orders=[
                self._sold(state, one)
                for one in state["orders"]
                if not one.get("original_increment_id")
            ],
            mails=Counter((m["kind"], m["order"], *m.get("tracks", ())) for m in state["mails"]),
            offers={
                one["sku"]: Offer(
                    price=_asked(products[one["sku"]]), pieces=int(Decimal(one["quantity"]))
                )
                for one in state["source_items"]
            },
            people={
                one["email"].casefold(): f"{one['firstname']} {one['lastname']}"
                for one in state["customers"]
            },
        )

    def _sold(self, state: Mapping[str, Any], first: Mapping[str, Any]) -> Sold:
        identifier, number = str(first["entity_id"]), first["increment_id"]
        named = {one["increment_id"]: one for one in state["orders"]}
        last = named[self._last.get(identifier, number)]
        chain = {first["entity_id"], last["entity_id"]}

        def mine(table: str) -> list[Mapping[str, Any]]:
            return [one for one in state[table] if one["order_id"] in chain]

        return Sold(
            id=identifier,
            number=number,
            total=Decimal(last["base_grand_total"]),
            paid=[
                Decimal(one["base_grand_total"])
                for one in mine("invoices")
                if one["state"] == _PAID
            ],
            refunds=[Decimal(one["base_grand_total"]) for one in mine("creditmemos")],
            parcels=[track["track_number"] for one in mine("shipments") for track in one["tracks"]],
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

    def _state(self) -> Any:
        return self._stage.control(self._control, "state")

    def _do(self, act: str, **arguments: object) -> Any:
        return self._stage.control(self._control, f"do/{act}", arguments)


def _asked(product: Mapping[str, Any]) -> Decimal:
    """Return what a buyer is asked for; the special price stands below the crossed out one."""
    special = product["custom_attributes"].get("special_price")
    return Decimal(special or product["price"])
