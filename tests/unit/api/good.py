"""A set of documents with nothing wrong, and the manifests it is read with."""

from knect.api import Catalog, Manifest

GOOD = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: shop}
spec:
  connector: shopify
  config:
    shop: acme.myshopify.com
    apiVersion: "2026-07"
  credentials: {secretRef: {name: shop-keys}}
  checkInterval: 5m
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: erp}
spec:
  connector: tryton
  role: Hub
---
apiVersion: v1
kind: Secret
metadata: {name: shop-keys}
stringData:
  token: env:SHOP_TOKEN
---
apiVersion: v1
kind: ConfigMap
metadata: {name: carriers}
data: {DHL: dhl}
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: orders}
spec:
  entity: orders
  source:
    connectionRef: {name: shop}
    start: Now
    filter: {status: any}
  destination:
    connectionRef: {name: erp}
    write: Upsert
  trigger:
    poll: {every: 15m}
  mapping:
    admit:
    - {when: 'order.test', then: Skip, reason: test order}
    set:
      comment: '"web " + order.number'
      reference: order.name
    valueMaps: [{name: carriers, configMapRef: {name: carriers}}]
    createOnly: [reference]
  delivery:
    batchSize: 100
    retry: {attempts: 8, initial: 2s, max: 15m}
  audit: {schedule: "0 3 * * *", repair: None}
  mode: Live
  suspend: false
"""

SHOPIFY = {
    "id": "shopify",
    "title": "Shopify",
    "roles": ["Spoke"],
    "apiVersion": {"current": "2026-07", "sunset": "2027-07-01"},
    "auth": ["Token"],
    "credentials": [
        {"key": "token", "description": "Admin API access token"},
        {"key": "webhook-secret", "description": "signs webhooks", "required": False},
    ],
    "config": {
        "type": "object",
        "additionalProperties": False,
        "required": ["shop"],
        "properties": {
            "shop": {"type": "string", "pattern": r"^[a-z0-9-]+\.myshopify\.com$", "description": "acme.myshopify.com"},
            "apiVersion": {"type": "string"},
            "pageSize": {"type": "integer", "minimum": 1, "maximum": 250},
            "money": {"enum": ["Shop", "Presentment"]},
        },
    },
    "egress": ["{shop}"],
    "rateLimit": {"model": "Cost"},
    "entities": {
        "orders": {
            "read": True,
            "webhook": True,
            "keys": ["number"],
            "cursor": {"field": "updated_at", "semantics": "UpdatedAt", "overlapSeconds": 60},
            "filter": {"type": "object", "additionalProperties": False, "properties": {"status": {"type": "string"}}},
        },
        "products": {"read": True, "write": True, "cursor": {"field": "updated_at", "semantics": "UpdatedAt"}},
        "customers": {"read": True, "cursor": {"field": "updated_at", "semantics": "UpdatedAt"}},
    },
    "fields": {"products": [{"name": "title", "type": "text"}, {"name": "body", "type": "text"}]},
    "writes": {"product": {"entity": "products", "once": "UniqueKey"}},
    "quality": {"paging": "done", "bulk": "todo", "xml": {"exempt": "speaks JSON"}},
}  # fmt: skip
TRYTON = {
    "id": "tryton",
    "title": "Tryton",
    "roles": ["Hub"],
    "apiVersion": {"current": "8.2"},
    "auth": ["Session"],
    "rateLimit": {"model": "None"},
    "entities": {
        "orders": {"write": True},
        "products": {"read": True, "write": True, "cursor": {"field": "id", "semantics": "Sequence"}},
    },
    "fields": {
        "orders": [
            {"name": "comment", "type": "text"},
            {"name": "reference", "type": "text", "required": True},
            {"name": "lines", "type": "list"},
        ],
        "products": [{"name": "title", "type": "text"}, {"name": "available", "type": "decimal"}],
    },
    "writes": {
        "sale": {"entity": "orders", "once": "LookupAfterSettle", "settleSeconds": 30, "maxBatch": 50},
        "address": {"entity": "addresses", "once": "None"},
    },
}  # fmt: skip
CATALOG = Catalog.of_manifests([Manifest.model_validate(one) for one in (SHOPIFY, TRYTON)])
