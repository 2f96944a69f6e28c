"""Sends webhooks the way platforms do on a bad day: twice, late, out of order, forged.

Must not: sign; the simulator hands over headers and body as the platform would send them.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from random import Random

from msgspec import Struct

from knect.sdk.errors import ConnectorError
from knect.sdk.http import Client, ClientFactory, Egress, Limits
from knect.sdk.secret import Secret
from knect.seams import Clock, SystemClock

__all__ = ["OutgoingWebhook", "SendPlan", "WebhookSender"]


class OutgoingWebhook(Struct, frozen=True, kw_only=True):
    """One delivery, ready to send."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class SendPlan(Struct, frozen=True, kw_only=True):
    """Probabilities, 0 to 1. `delay` seconds is how late a late one is."""

    duplicate: float = 0.0
    late: float = 0.0
    reordered: float = 0.0
    forged: float = 0.0
    lost: float = 0.0
    delay: float = 1.0
    attempts: int = 9  # the first and eight more
    pause: float = 0.05  # seconds before the second attempt, doubled each time


class WebhookSender:
    """Sends in the background; `sent` counts what really went out, by kind and status."""

    def __init__(
        self, plan: SendPlan | None = None, *, seed: int = 0, clock: Clock | None = None
    ) -> None:
        self.plan = plan or SendPlan()
        self.sent: Counter[str] = Counter()
        self._random = Random(seed)  # noqa: S311 - reproducible on purpose
        self._clock = clock or SystemClock()
        self._factory = ClientFactory(clock=self._clock, egress=Egress(["127.0.0.1", "localhost"]))
        self._clients: dict[str, Client] = {}
        self._held: OutgoingWebhook | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, webhook: OutgoingWebhook) -> None:
        """Send soon, as the plan says."""
        if self._hits(self.plan.lost):
            self.sent["lost"] += 1
            return
        if self._hits(self.plan.reordered) and self._held is None:
            self.sent["reordered"] += 1
            self._held = webhook  # goes out after the next one
            return
        self._start(webhook)
        if self._hits(self.plan.duplicate):
            self.sent["duplicate"] += 1
            self._start(webhook)
        if self._hits(self.plan.forged):
            self.sent["forged"] += 1
            forged = OutgoingWebhook(
                url=webhook.url, headers=webhook.headers, body=webhook.body + b" "
            )
            self._start(forged, attempts=1)
        if self._held is not None:
            held, self._held = self._held, None
            self._start(held)

    async def drain(self) -> None:
        """Wait until everything handed over has been sent or given up."""
        if self._held is not None:
            held, self._held = self._held, None
            self._start(held)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Drop what is not sent and close connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients.values():
            await client.close()

    def _hits(self, probability: float) -> bool:
        return self._random.random() < probability

    def _start(self, webhook: OutgoingWebhook, attempts: int | None = None) -> None:
        delay = self.plan.delay if self._hits(self.plan.late) else 0.0
        self.sent["late"] += 1 if delay else 0
        task = asyncio.create_task(self._deliver(webhook, delay, attempts or self.plan.attempts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, webhook: OutgoingWebhook, delay: float, attempts: int) -> None:
        if delay:
            await self._clock.sleep(delay)
        client = self._clients.get(webhook.url)
        if client is None:
            limits = Limits(deadline=5.0, connect=1.0)  # Shopify's own, and nobody's is longer
            client = self._clients[webhook.url] = self._factory.open(webhook.url, limits=limits)
        headers: dict[str, str | Secret] = dict(webhook.headers)
        for attempt in range(attempts):
            try:
                answer = await client.request(
                    "POST",
                    webhook.url,
                    template="/webhooks",
                    content=webhook.body,
                    headers=headers,
                    expects_json=False,
                )
            except ConnectorError as error:
                self.sent[f"failed {error.code or type(error).__name__}"] += 1
                if attempt + 1 < attempts:
                    await self._clock.sleep(self.plan.pause * 2**attempt)
            else:
                self.sent[f"answered {answer.status}"] += 1
                return
