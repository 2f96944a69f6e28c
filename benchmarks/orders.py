"""What `knect run` is given in the throughput benchmark: two Connections and a pipeline, as files.

Must not: differ from what a user would write for the same work.
"""

import json
from pathlib import Path
from typing import Any

__all__ = ["MAPPING", "declare"]

#: Destination field <- expression: number, customer, currency, total, ship_to, lines.
MAPPING = {
    "number": "order.number",
    "customer": "order.customer.email",
    "currency": "order.currency",
    "total": "order.totals.total",
    "ship_to": (
        '{"name": raw.shipping_address.name, "street": raw.shipping_address.address1, '
        '"zip": raw.shipping_address.zip, "city": raw.shipping_address.city, '
        '"country": raw.shipping_address.country}'
    ),
    "lines": 'order.lines.map(x, {"sku": x.sku, "quantity": x.quantity, "price": x.unit_price})',
}

_SHOP = {
    "read": {
        "path": "/orders",
        "query": {"updated_since": "{since}", "updated_before": "{until}"},
        "records": "orders",
        "id": "id",
        "cursor": "updated_at",
        "paging": {
            "kind": "Cursor",
            "parameter": "cursor",
            "next": "next",
            "sizeParameter": "limit",
            "size": 250,
        },
        "record": {
            "number": "number",
            "currency": "currency",
            "placed_at": "created_at",
            "totals": {"fields": {"total": "total"}},
            "payment_status": "payment_status",
            "customer": {
                "path": "customer",
                "fields": {"source_id": "id", "email": "email", "name": "name"},
            },
            "lines": {
                "each": "lines",
                "fields": {
                    "id": "id",
                    "sku": "sku",
                    "title": "title",
                    "quantity": "quantity",
                    "unit_price": "unit_price",
                },
            },
        },
    }
}

_ERP = {
    "write": {
        "once": {"kind": "UniqueKey"},
        "batch": {"path": "/batch", "wrap": "orders", "results": "results", "size": 100},
        "lookup": {"path": "/orders/{external_id}"},
        "document": "Mapped",
        "externalId": "external_id",
        "id": "id",
        "number": "number",
    }
}


def declare(folder: Path, url: str, **delivery: Any) -> None:
    """Write the files for `knect run -f FOLDER`."""
    documents = [
        _document("Connection", "shop", _connection(url, "Spoke", _SHOP)),
        _document("Connection", "erp", _connection(url, "Hub", _ERP)),
        _document(
            "SyncPipeline",
            "orders",
            {
                "entity": "orders",
                "source": {"connectionRef": {"name": "shop"}, "start": "Beginning"},
                "destination": {"connectionRef": {"name": "erp"}},
                "trigger": {"poll": {"every": "1m"}},
                "mapping": {"set": MAPPING},
                "delivery": {"batchSize": 400, "maxInFlight": 8, **delivery},
            },
        ),
    ]
    # JSON is YAML, too
    text = "\n---\n".join(json.dumps(one, indent=2) for one in documents)
    (folder / "orders.yaml").write_text(text + "\n", encoding="utf-8")


def _connection(url: str, role: str, orders: dict[str, Any]) -> dict[str, Any]:
    config = {"baseUrl": url, "check": {"path": "/clock"}, "entities": {"orders": orders}}
    return {"connector": "rest", "role": role, "config": config}


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "knect.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
