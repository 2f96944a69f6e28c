"""What the simulated system sends: Standard Webhooks.

Must not: send anything; it makes what would be sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from knect.model import encode_json
from knect.sdk.secret import Secret

__all__ = ["signed"]


def signed(
    secret: Secret, body: Any, *, at: datetime, identifier: str = ""
) -> tuple[Mapping[str, str], bytes]:
    """Return headers and body, signed at an instant."""
    text = encode_json(body).decode()
    identifier = identifier or f"msg_{int(at.timestamp() * 1_000_000)}"
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret.reveal()).sign(identifier, at, text),
        "content-type": "application/json",
    }
    return headers, text.encode()
