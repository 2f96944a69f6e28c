"""The documents of a scene: shops, the simulated ERP, a pipeline of orders from each shop.

Must not: know a port; `%(name)s` is filled in once a scene has its addresses.
"""

from collections.abc import Sequence

__all__ = ["DOCUMENTS", "declared", "pipeline_of"]

_SHOP = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: NAME}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "%(NAME)s"}
  credentials: {secretRef: {name: NAME}}
---
apiVersion: v1
kind: Secret
metadata: {name: NAME}
stringData: {accessToken: shpat_simulated, webhookSecret: simulated-secret}
---
"""
_ERP = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: simerp
  role: Hub
  config: {url: "%(acme-erp)s"}
"""
_PIPELINE = """\
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: PIPELINE}
spec:
  entity: orders
  source: {connectionRef: {name: SHOP}, start: Beginning}
  destination: {connectionRef: {name: acme-erp}, write: Upsert}
  trigger: {webhook: {reconcileEvery: 5s}}
  delivery:
    batchSize: 50
    maxInFlight: 8
    retry: {attempts: 8, initial: 200ms, max: 3s}
"""


def pipeline_of(shop: str) -> str:
    """Return the name of a shop's pipeline: `orders` of acme-shop, `outlet-orders` of outlet."""
    return "orders" if shop == "acme-shop" else f"{shop}-orders"


def declared(shops: Sequence[str] = ("acme-shop",)) -> str:
    """Return the documents."""
    text = "".join(_SHOP.replace("NAME", shop) for shop in shops) + _ERP
    for shop in shops:
        text += _PIPELINE.replace("PIPELINE", pipeline_of(shop)).replace("SHOP", shop)
    return text


DOCUMENTS = declared()
