"""The older integration, for this example: it enters the shop's orders in GP, and loses some.

    python old_integration.py SHOP GP [LOST ...]      addresses of both control routes; numbers

Must not: know Knect. It is what many have: it says "success" whatever it did.
"""

import json
import sys
import urllib.error
import urllib.request
from collections import Counter
from typing import Any


def ask(url: str, body: Any = None) -> Any:
    """Call a control route of a simulator."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def main(shop: str, erp: str, *lost: str) -> None:
    """Enter what was paid, by the number people say."""
    entered = 0
    for order in ask(f"{shop}/_knect/state")["orders"]:
        number = str(order["increment_id"])
        is_edited = order.get("relation_child_real_id")
        if order["state"] in ("new", "canceled") or is_edited or number.partition("-")[0] in lost:
            continue
        lines: Counter[str] = Counter()
        for item in order["items"]:
            if item["parent_item_id"] is None:
                lines[item["sku"]] += int(float(item["qty_ordered"]))
        wanted = {
            "customer_order": number.partition("-")[0],
            "lines": {sku: str(pieces) for sku, pieces in lines.items()},
            "total": order["base_grand_total"],
        }
        ask(f"{erp}/_knect/do/enter", wanted)
        entered += 1
    print(f"success: {entered} orders")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except urllib.error.URLError as error:
        sys.exit(
            f"shop or GP does not answer ({error.reason}): wait until both say that they listen"
        )
