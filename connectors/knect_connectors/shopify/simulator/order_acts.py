"""Mutations of an order's life at the simulated shop, and the e-mails customers get by them.

Must not: be what the merchant does by hand; that is `merchant`, and both use the same rules.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator import parcels
from knect_connectors.shopify.simulator.books import instant
from knect_connectors.shopify.simulator.parcels import ActError
from knect_connectors.shopify.simulator.refunds import Back, give_back
from knect_connectors.shopify.simulator.shop import Shop

__all__ = ["OrderActs", "cancel_order"]

_Arguments = Mapping[str, Any]
#: An asynchronous job is done this many seconds after it was asked for.
JOB_SECONDS = 0.05


class OrderActs:
    """Serves mutations by name; `serves` tells which."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._acts: Mapping[str, Callable[[_Arguments], dict[str, Any]]] = {
            "fulfillmentCreate": self._create,
            "fulfillmentCancel": self._cancel,
            "fulfillmentTrackingInfoUpdate": self._retrack,
            "orderCancel": self._cancel_order,
            "customerUpdate": self._update_customer,
            "customerSet": self._set_customer,
            "customerAddressCreate": self._create_address,
            "customerAddressUpdate": self._update_address,
        }

    def serves(self, name: str) -> bool:
        """Tell whether the mutation is one of these."""
        return name in self._acts

    def run(self, name: str, arguments: _Arguments) -> dict[str, Any]:
        """Return the mutation's payload."""
        try:
            return {"userErrors": [], **self._acts[name](arguments)}
        except ActError as error:
            problem = {"field": error.field, "message": str(error), "code": "INVALID"}
            return {"userErrors": [problem], "orderCancelUserErrors": [problem], **_NOTHING}

    # ------------------------------------------------ shipping

    def _create(self, arguments: _Arguments) -> dict[str, Any]:
        asked = arguments["fulfillment"]
        wanted = asked["lineItemsByFulfillmentOrder"]
        order = self._order_of_waiting(wanted[0]["fulfillmentOrderId"] if wanted else "")
        if order["cancelledAt"]:
            raise ActError("The order is cancelled.", ["fulfillment"])
        tracking = asked.get("trackingInfo") or {}
        made = parcels.fulfill(order, wanted, tracking, self._shop.now())
        self._shop.index(order)
        if asked.get("notifyCustomer"):
            self._shop.mail("shipping confirmation", order, made)
        self._shop.touch(order, "orders/updated")
        return {"fulfillment": {**made, "order": order}}

    def _cancel(self, arguments: _Arguments) -> dict[str, Any]:
        order, made = self._fulfillment(arguments["id"])
        parcels.cancel_fulfillment(order, made, self._shop.now())
        self._shop.touch(order, "orders/updated")
        return {"fulfillment": {**made, "order": order}}

    def _retrack(self, arguments: _Arguments) -> dict[str, Any]:
        order, made = self._fulfillment(arguments["fulfillmentId"])
        parcels.retrack(made, arguments["trackingInfoInput"], self._shop.now())
        if arguments.get("notifyCustomer"):
            self._shop.mail("shipping update", order, made)
        self._shop.touch(order, "orders/updated")
        return {"fulfillment": {**made, "order": order}}

    def _order_of_waiting(self, identifier: str) -> dict[str, Any]:
        for order in self._shop.objects["orders"].values():
            if any(one["id"] == identifier for one in order["fulfillmentOrders"]):
                return order
        raise ActError("Fulfillment order does not exist.", ["fulfillment"])

    def _fulfillment(self, identifier: str) -> tuple[dict[str, Any], dict[str, Any]]:
        for order in self._shop.objects["orders"].values():
            for made in order["fulfillments"]:
                if made["id"] == identifier:
                    return order, made
        raise ActError("Fulfillment does not exist.", ["id"])

    # ------------------------------------------------ cancelling

    def _cancel_order(self, arguments: _Arguments) -> dict[str, Any]:
        order = self._shop.objects["orders"].get(arguments["orderId"])
        if order is None:
            raise ActError("Order does not exist.", ["orderId"])
        if order["cancelledAt"]:
            raise ActError("Order has already been cancelled.", ["orderId"])
        if any(one["status"] == "SUCCESS" for one in order["fulfillments"]):
            raise ActError("Cannot cancel an order that has been fulfilled.", ["orderId"])
        method = arguments.get("refundMethod") or {}

        def later() -> None:
            cancel_order(
                self._shop,
                order,
                arguments["reason"],
                restock=arguments["restock"],
                refund=bool(method.get("originalPaymentMethodsRefund")),
            )
            if arguments.get("notifyCustomer"):
                self._shop.mail("order cancelled", order, None)

        return {"job": self._shop.do_later(JOB_SECONDS, later), "orderCancelUserErrors": []}

    # ------------------------------------------------ customers

    def _update_customer(self, arguments: _Arguments) -> dict[str, Any]:
        given = arguments["input"]
        customer = self._customer(given.get("id") or "")
        self._write(customer, given)
        return {"customer": customer}

    def _set_customer(self, arguments: _Arguments) -> dict[str, Any]:
        given, by = arguments["input"], arguments.get("identifier") or {}
        customer = (
            self._customer(by["id"])
            if by.get("id")
            else self._shop.customer_by({"emailAddress": by.get("email")})
        )
        if customer is None:
            customer = self._shop.new_customer()
        self._write(customer, given)
        return {"customer": customer}

    def _write(self, customer: dict[str, Any], given: _Arguments) -> None:
        email = (given.get("email") or "").lower()
        if email and any(
            one is not customer and _email(one) == email for one in self._shop.customers()
        ):
            raise ActError("Email has already been taken", ["email"])
        for name in ("firstName", "lastName", "note"):
            if name in given:
                customer[name] = given[name]
        if "email" in given:
            customer["defaultEmailAddress"] = {"emailAddress": email} if email else None
        if "phone" in given:
            phone = given["phone"]
            customer["defaultPhoneNumber"] = {"phoneNumber": phone} if phone else None
        if "addresses" in given:  # a list is replaced, what is not named is deleted
            customer["addressesV2"] = [self._address(one) for one in given["addresses"]]
            customer["defaultAddress"] = next(iter(customer["addressesV2"]), None)
        names = (customer["firstName"], customer["lastName"])
        customer["displayName"] = " ".join(filter(None, names)) or email
        self._shop.touch(customer, "customers/update")

    def _create_address(self, arguments: _Arguments) -> dict[str, Any]:
        customer = self._customer(arguments["customerId"])
        made = self._address(arguments["address"])
        customer["addressesV2"].append(made)
        if arguments.get("setAsDefault") or customer["defaultAddress"] is None:
            customer["defaultAddress"] = made
        self._shop.touch(customer, "customers/update")
        return {"address": made}

    def _update_address(self, arguments: _Arguments) -> dict[str, Any]:
        customer = self._customer(arguments["customerId"])
        there = [one for one in customer["addressesV2"] if one["id"] == arguments["addressId"]]
        if not there:
            raise ActError("Address does not exist.", ["addressId"])
        new = {**self._address(arguments["address"]), "id": arguments["addressId"]}
        there[0].update(new)
        default = customer["defaultAddress"]
        if arguments.get("setAsDefault") or (default and default["id"] == new["id"]):
            customer["defaultAddress"] = there[0]
        self._shop.touch(customer, "customers/update")
        return {"address": there[0]}

    def _customer(self, identifier: str) -> dict[str, Any]:
        customer = self._shop.objects["customers"].get(identifier)
        if customer is None:
            raise ActError("Customer can't be found", ["id"])
        return customer

    def _address(self, given: _Arguments) -> dict[str, Any]:
        names = (given.get("firstName"), given.get("lastName"))
        plain = ("firstName", "lastName", "company", "address1", "address2", "city", "zip")
        return {
            "id": f"gid://shopify/MailingAddress/{self._shop.next_number()}",
            **{name: given.get(name) for name in (*plain, "phone", "provinceCode")},
            "name": " ".join(filter(None, names)) or None,
            "province": given.get("provinceCode"),
            "country": given.get("countryCode"),
            "countryCodeV2": given.get("countryCode"),
        }


def cancel_order(
    shop: Shop, order: dict[str, Any], reason: str, *, restock: bool, refund: bool
) -> None:
    """Cancel; what was not shipped is given back when `refund`."""
    at = shop.now()
    if refund:
        how = "CANCEL" if restock else "NO_RESTOCK"
        lines = [
            Back(line=index, units=line["currentQuantity"], restock=how)
            for index, line in enumerate(order["lineItems"])
            if line["currentQuantity"]
        ]
        shipping = sum(
            (
                Decimal(line["originalPriceSet"]["shopMoney"]["amount"])
                + sum(Decimal(tax["priceSet"]["shopMoney"]["amount"]) for tax in line["taxLines"])
                for line in order["shippingLines"]
                if not order["taxesIncluded"]
            ),
            Decimal(0),
        )
        give_back(order, at, lines=lines, shipping=shipping)
        shop.index(order)
    order.update(cancelledAt=instant(at), cancelReason=reason)
    for one in order["fulfillmentOrders"]:
        if one["status"] != "CLOSED":
            one["status"] = "CANCELLED"
    shop.touch(order, "orders/cancelled", "orders/updated")


def _email(customer: Mapping[str, Any]) -> str:
    address = customer["defaultEmailAddress"]
    return str(address["emailAddress"]).lower() if address else ""


_NOTHING = {"fulfillment": None, "job": None, "customer": None, "address": None}
