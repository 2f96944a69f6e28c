"""What `knect api` shows of itself as metrics.

Must not: have a label that grows with people, namespaces or records.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

__all__ = ["Gauges"]

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0)


class Gauges:
    """All metrics of the gateway, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "knect_api_requests",
            "Answered requests, by question or wish.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "knect_api_request_duration_seconds",
            "Time to answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "knect_api_requests_in_flight", "Requests under way.", registry=self._registry
        )
        self._ledgers = Gauge(
            "knect_api_open_ledgers", "Ledgers open for reading.", registry=self._registry
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def page(self, ledgers: int) -> bytes:
        """Return the OpenMetrics page."""
        self._ledgers.set(ledgers)
        page: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call] # the library's gap
        return page
