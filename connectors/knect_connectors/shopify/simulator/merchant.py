"""What the simulated merchant does by hand: edits, refunds, ships, holds, corrects a customer.

Each is a control action: `POST /_knect/do/NAME` with the arguments as JSON.
Must not: go through the API; people do not.
"""

from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator import edits, parcels
from knect_connectors.shopify.simulator.order_acts import cancel_order
from knect_connectors.shopify.simulator.refunds import Back, give_back, settle
from knect_connectors.shopify.simulator.shop import Shop

__all__ = ["Merchant"]


class Merchant:
    """The acts, by name; `id` is the order's gid."""

    @staticmethod
    def edit(shop: Shop, id: str, line: int, units: int) -> None:  # noqa: A002 - Shopify's word
        """Remove units of a line by an order edit."""
        order = shop.objects["orders"][id]
        edits.remove_units(order, line, units, shop.now())
        shop.touch(order, "orders/edited", "orders/updated")

    @staticmethod
    def add_line(shop: Shop, id: str, sku: str, units: int, price: str, title: str = "") -> None:  # noqa: A002
        """Add a line by an order edit."""
        order = shop.objects["orders"][id]
        edits.add_line(
            order, sku=sku, title=title or sku, units=units, price=Decimal(price), at=shop.now()
        )
        shop.touch(order, "orders/edited", "orders/updated")

    @staticmethod
    def refund(
        shop: Shop,
        id: str,  # noqa: A002 - Shopify's word
        line: int | None = None,
        units: int = 1,
        restock: str = "RETURN",
        *,
        lines: list[dict[str, Any]] | None = None,
        shipping: str = "0",
        amount: str = "0",
        pending: bool = False,
    ) -> str:
        """Give money back: units of a line (or of `lines`), of shipping, or an amount."""
        order = shop.objects["orders"][id]
        back = [Back(**one) for one in lines or ()]
        if line is not None:
            back.append(Back(line=line, units=units, restock=restock))
        made = give_back(
            order,
            shop.now(),
            lines=back,
            shipping=Decimal(shipping),
            amount=Decimal(amount),
            pending=pending,
        )
        shop.index(order)
        shop.touch(order, "orders/updated")
        return str(made["id"])

    @staticmethod
    def settle(shop: Shop, id: str, refund: str) -> None:  # noqa: A002 - Shopify's word
        """Let the money of a pending refund arrive."""
        order = shop.objects["orders"][id]
        (made,) = (one for one in order["refunds"] if one["id"] == refund)
        settle(made, shop.now())
        shop.touch(order, "orders/updated")

    @staticmethod
    def ship(
        shop: Shop,
        id: str,  # noqa: A002 - Shopify's word
        lines: dict[str, int] | None = None,
        tracking: str | None = None,
        company: str | None = None,
    ) -> str:
        """Fulfil by hand: all that is left of the first location, or units by SKU."""
        order = shop.objects["orders"][id]
        each = next(one for one in order["fulfillmentOrders"] if one["status"] == "OPEN")
        pieces = [
            {"id": item["id"], "quantity": (lines or {}).get(sku, item["remainingQuantity"])}
            for item in each["lineItems"]
            if (sku := item["lineItem"]["sku"]) in (lines or {sku: 0}) and item["remainingQuantity"]
        ]
        wanted = [{"fulfillmentOrderId": each["id"], "fulfillmentOrderLineItems": pieces}]
        info = {"number": tracking, "company": company} if tracking else {}
        made = parcels.fulfill(order, wanted, info, shop.now())
        shop.index(order)
        shop.touch(order, "orders/updated")
        return str(made["id"])

    @staticmethod
    def hold(shop: Shop, id: str, notes: str = "") -> None:  # noqa: A002 - Shopify's word
        """Put what is left to ship on hold."""
        parcels.hold(shop.objects["orders"][id], notes)

    @staticmethod
    def unhold(shop: Shop, id: str) -> None:  # noqa: A002 - Shopify's word
        """Release what is on hold."""
        parcels.unhold(shop.objects["orders"][id])

    @staticmethod
    def split(shop: Shop, id: str, line: int, units: int, location: str, name: str) -> str:  # noqa: A002
        """Assign units of a line to another location."""
        place = {"id": f"gid://shopify/Location/{location}", "name": name}
        return parcels.split(shop.objects["orders"][id], line, units, place)

    @staticmethod
    def cancel(
        shop: Shop,
        id: str,  # noqa: A002 - Shopify's word
        reason: str = "CUSTOMER",
        *,
        refund: bool = False,
    ) -> None:
        """Cancel an order, with the money back or without."""
        cancel_order(shop, shop.objects["orders"][id], reason, restock=True, refund=refund)

    @staticmethod
    def mails(shop: Shop) -> list[dict[str, Any]]:
        """Return the e-mails customers got, oldest first."""
        return shop.mails
