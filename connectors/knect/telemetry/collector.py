"""The way to the collector: knect's own HTTP client, posting OTLP/JSON.

Must not: retry or judge; the exporter does.
"""

from knect.sdk.http import ClientFactory, read_retry_after
from knect.seams import Clock
from knect.telemetry.exporter import Answer, Exporter
from knect.telemetry.metrics import Metrics
from knect.telemetry.settings import TraceSettings

__all__ = ["CollectorSender", "open_exporter"]

_ANY_STATUS = range(200, 600)


class CollectorSender:
    """Posts bodies to one collector over a pool of its own."""

    def __init__(self, settings: TraceSettings, http: ClientFactory, clock: Clock) -> None:
        assert settings.endpoint is not None
        headers = {"content-type": "application/json", **settings.headers()}
        self._client = http.open(settings.endpoint, headers=headers)
        self._timeout = settings.timeout
        self._clock = clock

    async def __call__(self, body: bytes) -> Answer:
        """Send one body. Raises ConnectorError when there is no answer."""
        response = await self._client.request(
            "POST",
            "",
            template="/v1/traces",
            content=body,
            accept=_ANY_STATUS,
            expects_json=False,
            deadline=self._timeout,
        )
        return Answer(
            status=response.status,
            body=response.body,
            retry_after=read_retry_after(response.headers, self._clock.now()),
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()


def open_exporter(
    settings: TraceSettings, http: ClientFactory, clock: Clock, metrics: Metrics, version: str
) -> tuple[Exporter, CollectorSender | None]:
    """Return the exporter the settings ask for, and its sender, to be closed after it.

    `http` must be allowed to reach the collector, which mostly has a private address.
    """
    sender = CollectorSender(settings, http, clock) if settings.endpoint else None
    exporter = Exporter(
        sender,
        resource={"service.version": version, **settings.resource},
        version=version,
        clock=clock,
        on_lost=metrics.spans_lost,
        on_sent=metrics.spans_sent,
    )
    return exporter, sender
