"""Webhooks as the shop sends them, for receivers under test.

Must not: know how they are verified.
"""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime

__all__ = ["a_hook"]

_events = itertools.count(1)


def a_hook(
    number: int, secret: str = "simulated-secret", *, event: str = "", gid: str = ""
) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and the headers of one delivery."""
    identifier = gid or f"gid://shopify/Order/{number}"
    body = json.dumps({"admin_graphql_api_id": identifier, "note": "x"}).encode()
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return body, {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": "acme.myshopify.com",
        "X-Shopify-Event-Id": event or f"event-{next(_events)}",
        "X-Shopify-Triggered-At": datetime.now(UTC).isoformat(),
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
    }
