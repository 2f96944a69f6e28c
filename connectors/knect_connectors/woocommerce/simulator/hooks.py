"""The simulated shop's webhooks: what of an event is sent where, signed, and the ping before.

A delivery is made once. A hook that failed five times is off until somebody switches it on; the
simulated one is switched off by an act. Must not: know a connector.
"""

from collections.abc import Callable

import msgspec

from knect.sdk.secret import Secret
from knect.sdk.testing import OutgoingWebhook
from knect.sdk.webhook import hmac_sha256
from knect_connectors.woocommerce.simulator.books import Books, Row

__all__ = ["delivery_of", "ping_of"]

_encoder = msgspec.json.Encoder(decimal_format="number")


def ping_of(hook: Row) -> OutgoingWebhook:
    """Return what a new hook is tried with: a form, without a signature."""
    return OutgoingWebhook(
        url=hook["delivery_url"],
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=f"webhook_id={hook['id']}".encode(),
    )


def delivery_of(
    books: Books, hook: Row, row: Row, told: Callable[[Row], Row], source: str
) -> OutgoingWebhook:
    """Return a delivery about an object; of one that is gone only the id is told."""
    payload = {"id": row["id"]} if hook["event"] == "deleted" else told(row)
    body = _encoder.encode(payload)
    return OutgoingWebhook(
        url=hook["delivery_url"],
        headers={
            "Content-Type": "application/json",
            "User-Agent": "WooCommerce/9.8.5 Hookshot (WordPress/6.8.1)",
            "X-WC-Webhook-Source": f"{source}/",
            "X-WC-Webhook-Topic": hook["topic"],
            "X-WC-Webhook-Resource": hook["resource"],
            "X-WC-Webhook-Event": hook["event"],
            "X-WC-Webhook-Signature": hmac_sha256(body, Secret(hook["secret"])),
            "X-WC-Webhook-ID": str(hook["id"]),
            "X-WC-Webhook-Delivery-ID": f"{hook['id']:x}{books.next('delivery'):030x}",
        },
        body=body,
    )
