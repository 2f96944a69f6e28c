"""The mapping of the throughput benchmark, by hand: what every rival does with an order.

Must not: import anything; it runs in the rivals' own environments.
"""

__all__ = ["mapped"]


def mapped(order: dict) -> dict:
    """Return {number, customer, currency, total, ship_to, lines[]}."""
    address = order["shipping_address"]
    return {
        "number": order["number"],
        "customer": order["customer"]["email"],
        "currency": order["currency"],
        "total": order["total"],
        "ship_to": {
            "name": address["name"],
            "street": address["address1"],
            "zip": address["zip"],
            "city": address["city"],
            "country": address["country"],
        },
        "lines": [
            {"sku": x["sku"], "quantity": x["quantity"], "price": x["unit_price"]}
            for x in order["lines"]
        ],
    }
