"""Test kit for connectors: simulated systems with faults, and the rules every connector keeps.

Must not: be imported by anything that runs in production, except `knect simulate` and the demo.
"""

from knect.sdk.testing.bench import Bench, NotOnThisBenchError, OpenBench
from knect.sdk.testing.faults import Fault, FaultPlan
from knect.sdk.testing.goods import DEFAULT_SKUS, PEOPLE, UNKNOWN_SKU, Sku, read_skus
from knect.sdk.testing.request_log import RequestLog
from knect.sdk.testing.simulator import RunningSimulator, Simulator, running, serve
from knect.sdk.testing.webhook_sender import OutgoingWebhook, SendPlan, WebhookSender
from knect.sdk.testing.wire import Answer, Request

__all__ = [
    "DEFAULT_SKUS",
    "PEOPLE",
    "UNKNOWN_SKU",
    "Answer",
    "Bench",
    "Fault",
    "FaultPlan",
    "NotOnThisBenchError",
    "OpenBench",
    "OutgoingWebhook",
    "Request",
    "RequestLog",
    "RunningSimulator",
    "SendPlan",
    "Simulator",
    "Sku",
    "WebhookSender",
    "read_skus",
    "running",
    "serve",
]
