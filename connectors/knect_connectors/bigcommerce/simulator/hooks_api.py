"""Routes about webhooks, and what is sent: Standard Webhooks, signed with the app's client secret.

Must not: send anything; it makes what would be sent.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from knect.sdk.testing import Answer, OutgoingWebhook, Request
from knect_connectors.bigcommerce.simulator.books import Books, Row
from knect_connectors.bigcommerce.simulator.wire import created, page_v3, problem

__all__ = ["delivery", "hook_route"]

_MOST = 10


def hook_route(
    books: Books, request: Request, steps: list[str], store: str, *, plain: bool
) -> Answer:
    """Answer below `/v3/hooks`; `plain`: destinations need not be served by HTTPS."""
    if not steps:
        if request.method == "GET":
            return _listed(books, request)
        return _make(books, request.json(), store, plain=plain)
    hook = books.hooks.get(int(steps[0])) if steps[0].isdecimal() else None
    if hook is None:
        return problem(404, "Hook not found")
    if request.method == "DELETE":
        return created(books.hooks.pop(hook["id"]), key="hook")
    if request.method == "PUT":
        body = request.json()
        if (wrong := _wrong(body, plain=plain)) is not None:
            return wrong
        names = ("scope", "destination", "is_active", "headers")
        hook |= {name: body[name] for name in names if name in body}
        hook["updated_at"] = int(books.now().timestamp())
        return created(hook, key="hook")
    return Answer.of_json({"data": hook, "meta": {}}, key="hook")


def _listed(books: Books, request: Request) -> Answer:
    rows = list(books.hooks.values())
    for name in ("scope", "destination"):
        if wanted := request.query.get(name):
            rows = [row for row in rows if row[name] == wanted]
    return page_v3(request, rows, key="hooks")


def _wrong(body: Row, *, plain: bool) -> Answer | None:
    if not plain and not str(body.get("destination", "https://")).startswith("https://"):
        errors = {"destination": "must be a https URL on port 443"}
        return problem(422, "Invalid field(s): destination", errors)
    return None


def _make(books: Books, body: Row, store: str, *, plain: bool) -> Answer:
    if (wrong := _wrong(body, plain=plain)) is not None:
        return wrong
    same = [row for row in books.hooks.values() if row["scope"] == body.get("scope")]
    if len(same) >= _MOST:
        title = "There is a limit of 10 webhooks per scope for a store and client"
        return problem(422, title, {"scope": title})
    if any(row["destination"] == body["destination"] for row in same):
        return problem(422, "A hook with this scope and destination exists already", {})
    number, stamp = books.next("hook", 20_172_984), int(books.now().timestamp())
    hook = {
        "id": number, "client_id": "simulated-client", "store_hash": store,
        "scope": body["scope"], "destination": body["destination"],
        "headers": body.get("headers"), "is_active": bool(body.get("is_active", True)),
        "created_at": stamp, "updated_at": stamp,
    }  # fmt: skip
    books.hooks[number] = hook
    return created(hook, key="hook")


def delivery(
    scope: str, data: Mapping[str, Any], *, url: str, store: str, secret: str, at: datetime
) -> OutgoingWebhook:
    """Return one delivery with the headers and the signature the platform sends.

    The key is the client secret itself: the vendor's example encodes it as the library wants it.
    """
    stamp = int(at.timestamp())
    told = {"scope": scope, "store_id": "1025646", "data": data, "producer": f"stores/{store}"}
    digest = hashlib.sha1(msgspec.json.encode([told, stamp]), usedforsecurity=False).hexdigest()
    text = msgspec.json.encode({**told, "hash": digest, "created_at": stamp}).decode()
    identifier = f"msg_{digest[:24]}"
    key = base64.b64encode(secret.encode()).decode()
    return OutgoingWebhook(
        url=url,
        body=text.encode(),
        headers={
            "Content-Type": "application/json",
            "webhook-id": identifier,
            "webhook-timestamp": str(stamp),
            "webhook-signature": Webhook(key).sign(identifier, at, text),
        },
    )
