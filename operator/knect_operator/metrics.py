"""What the operator counts: reconciles, its queue, its calls; never by object.

Must not: have a label that grows with the number of pipelines.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

__all__ = ["Metrics"]

_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Metrics:
    """The operator's registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Histogram(
            "knect_reconcile_seconds",
            "Time of one reconcile.",
            ["kind", "outcome"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.corrections = Counter(
            "knect_drift_corrections",
            "Children that others had changed and that were put right.",
            registry=self.registry,
        )
        self.requests = Counter(
            "knect_api_requests",
            "Calls of the API server. Code 0: no answer.",
            ["verb", "group", "resource", "code"],
            registry=self.registry,
        )
        self._gauges: list[Gauge] = []

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a value that is asked for at each scrape."""
        gauge = Gauge(name, text, registry=self.registry)
        gauge.set_function(value)
        self._gauges.append(gauge)

    def called(self, verb: str, group: str, resource: str, code: int) -> None:
        """Count a call of the API server."""
        self.requests.labels(verb, group, resource, str(code)).inc()

    def page(self) -> bytes:
        """Return the page of /metrics."""
        page: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return page
