"""What an API sends us, as its Connection declares it: Standard Webhooks, or an HMAC in a header.

Must not: parse a body before its signature holds. Subscriptions are made by people at the API:
there is no way to make one that all APIs share.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.errors import CredentialsRejected, SecretMissing
from knect.sdk.http import JsonError, decode_json
from knect.sdk.secret import Secret, accepted
from knect_connectors.rest.config import Webhooks
from knect_connectors.rest.paths import MISSING, compile_path

__all__ = ["RestWebhooks"]

_KEYS = ("webhookSecret", "webhookSecretPrevious")
#: How far the clock of a sender of Standard Webhooks may be off (their specification).
_TOLERANCE = timedelta(minutes=5)
_NOT_RIGHT = "the webhook's signature is not right"


class RestWebhooks:
    """The receiving side."""

    def __init__(self, declared: Webhooks, secrets: Mapping[str, Secret]) -> None:
        self._declared = declared
        self._secrets = secrets

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        """Return what to look at. Raises CredentialsRejected when forged or too old."""
        secrets = [one for one in accepted(self._secrets, _KEYS) if one.reveal()]
        if not secrets:
            raise SecretMissing(
                "the Connection's Secret has no key webhookSecret, which webhooks need",
                code="SecretKeyMissing",
            )
        triggered = None
        if self._declared.kind == "StandardWebhooks":
            triggered = _check_standard(request, secrets)
        else:
            self._check_hmac(request, secrets)
        try:
            body = decode_json(request.body)
        except JsonError:
            raise CredentialsRejected("the webhook's body is no JSON") from None
        return self._hints(body, self._event_id(request, body), triggered)

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """Do nothing: people subscribe `url` at the API."""
        del entities, url

    def _hints(self, body: Any, event: str, triggered: datetime | None) -> list[Hint]:
        said = compile_path(self._declared.type_path)(body)
        hints = []
        for rule in self._declared.events:
            if rule.type is not None and rule.type != said:
                continue
            identifier = compile_path(rule.id)(body)
            if identifier is not MISSING and identifier not in (None, ""):
                hint = Hint(
                    entity=rule.entity, id=str(identifier), event_id=event, triggered=triggered
                )
                hints.append(hint)
        return hints

    def _event_id(self, request: WebhookRequest, body: Any) -> str:
        if self._declared.kind == "StandardWebhooks":
            return request.headers["webhook-id"]
        found = compile_path(self._declared.event_id)(body) if self._declared.event_id else MISSING
        if found is MISSING or found is None:  # equal bodies are one event
            return hashlib.sha256(request.body).hexdigest()[:32]
        return str(found)

    def _check_hmac(self, request: WebhookRequest, secrets: Sequence[Secret]) -> None:
        text = request.headers.get(self._declared.header.lower(), "")
        text = text.removeprefix(self._declared.prefix)
        try:
            hexadecimal = self._declared.encoding == "hex"
            given = bytes.fromhex(text) if hexadecimal else base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            given = b""
        matches = [
            hmac.compare_digest(hmac.digest(one.reveal().encode(), request.body, "sha256"), given)
            for one in secrets
        ]
        if not any(matches):
            raise CredentialsRejected(_NOT_RIGHT)


def _check_standard(request: WebhookRequest, secrets: Sequence[Secret]) -> datetime:
    """Check the signature and its age, by the receiver's clock when it came in."""
    headers = request.headers
    identifier = headers.get("webhook-id", "")
    given = [one.partition(",")[2] for one in headers.get("webhook-signature", "").split(" ")]
    try:
        sent = datetime.fromtimestamp(int(headers.get("webhook-timestamp", "")), UTC)
        text = request.body.decode()
        made = [
            Webhook(one.reveal()).sign(identifier, sent, text).partition(",")[2] for one in secrets
        ]
    except (ValueError, OverflowError, OSError, binascii.Error):
        raise CredentialsRejected(_NOT_RIGHT) from None
    matches = [hmac.compare_digest(ours, theirs) for ours in made for theirs in given]
    if not identifier or not any(matches):
        raise CredentialsRejected(_NOT_RIGHT)
    if abs(request.received - sent) > _TOLERANCE:
        raise CredentialsRejected("the webhook was signed more than five minutes ago, or ahead")
    return sent
