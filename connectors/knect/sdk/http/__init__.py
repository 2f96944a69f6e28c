"""HTTP for connectors: truthful errors, one pool per Connection, bounded, guarded, redacted.

Why: the only place that imports the HTTP library and aiohttp's client.
Must not: know a platform, keep state beyond connections, or retry.
"""

from knect.sdk.http.answer import Response, read_http_date, read_retry_after
from knect.sdk.http.call import Auth, Limits
from knect.sdk.http.classify import error_of_status, words_of
from knect.sdk.http.client import Client, ClientFactory
from knect.sdk.http.exact_json import JsonError, decode_json, encode_json
from knect.sdk.http.guard import Egress
from knect.sdk.http.redact import redact

__all__ = [
    "Auth",
    "Client",
    "ClientFactory",
    "Egress",
    "JsonError",
    "Limits",
    "Response",
    "decode_json",
    "encode_json",
    "error_of_status",
    "read_http_date",
    "read_retry_after",
    "redact",
    "words_of",
]
