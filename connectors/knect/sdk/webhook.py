"""Checks that a webhook is the platform's own.

Why: every platform signs a little differently, but the rules are the same: the signature covers
the raw bytes, is compared in constant time, and two secrets are good while one is being rotated.
Must not: parse the body before the signature holds, or say which part was wrong.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from knect.sdk.errors import CredentialsRejected
from knect.sdk.secret import Secret

__all__ = ["check_age", "check_hmac_sha256", "hmac_sha256"]


def hmac_sha256(body: bytes, secret: Secret) -> str:
    """Return the signature of `body`, base64."""
    digest = hmac.digest(secret.reveal().encode(), body, hashlib.sha256)
    return base64.b64encode(digest).decode()


def check_hmac_sha256(body: bytes, signature: str | None, secrets: Sequence[Secret]) -> None:
    """Raise CredentialsRejected unless one of `secrets` made the base64 `signature`.

    Every secret is tried, whichever matches: the time taken tells nothing.
    """
    try:
        given = base64.b64decode(signature or "", validate=True)
    except (binascii.Error, ValueError):
        given = b""
    matches = [
        hmac.compare_digest(hmac.digest(secret.reveal().encode(), body, hashlib.sha256), given)
        for secret in secrets
        if secret.reveal()
    ]
    if not any(matches):
        raise CredentialsRejected("the webhook's signature is not right")


def check_age(triggered: datetime | None, received: datetime, limit: timedelta) -> None:
    """Raise CredentialsRejected when the event is older than duplicates are remembered.

    `triggered` None passes: the platform did not say, and a hint only causes a re-read.
    """
    if triggered is not None and received - triggered > limit:
        raise CredentialsRejected(f"the webhook is older than {limit.days} days")
