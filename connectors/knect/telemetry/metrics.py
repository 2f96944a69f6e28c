"""Prometheus metrics: counts and ages by pipeline, entity, fate, stage and class of reason.

Why: alerts are about flow; a single record is asked about with `knect find`.
Must not: have a label that grows with the number of records: no key, no id, no free text.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

__all__ = ["EQUATION_TERMS", "Metrics"]

#: seen = the sum of all others; `knect status` prints the same names.
EQUATION_TERMS = (
    "seen",
    "delivered",
    "unchanged",
    "skipped",
    "superseded",
    "echo",
    "rejected",
    "waiting",
    "unknown",
    "in_flight",
)

_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ended = Counter(
            "knect_transactions_ended",
            "Transactions that reached a fate.",
            ("pipeline", "entity", "fate", "reason_class"),
            registry=self.registry,
        )
        self._stage = Histogram(
            "knect_stage_duration_seconds",
            "Time one attempt spent in a stage.",
            ("pipeline", "entity", "stage"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._journey = Histogram(
            "knect_transaction_duration_seconds",
            "Time from discovery to the fate.",
            ("pipeline", "entity"),
            buckets=(*_SECONDS, 3600.0, 86400.0),
            registry=self.registry,
        )
        self._equation = Gauge(
            "knect_equation_transactions",
            "The terms of seen = delivered + … + in_flight, counted apart.",
            ("pipeline", "term"),
            registry=self.registry,
        )
        self._balanced = Gauge(
            "knect_equation_balanced_bool",
            "1 if the equation holds.",
            ("pipeline",),
            registry=self.registry,
        )
        self._stuck = Gauge(
            "knect_stuck_transactions",
            "Transactions that wait for something or somebody.",
            ("pipeline", "entity", "stage", "reason_class"),
            registry=self.registry,
        )
        self._oldest = Gauge(
            "knect_oldest_stuck_seconds",
            "Age of the oldest stuck transaction.",
            ("pipeline",),
            registry=self.registry,
        )
        self._unattended = Gauge(
            "knect_unattended_transactions",
            "Transactions that are overdue in a pipeline nobody works on.",
            ("pipeline",),
            registry=self.registry,
        )
        self._fresh = Gauge(
            "knect_read_complete_timestamp_seconds",
            "Until when the source is known to be read completely (Unix time).",
            ("pipeline",),
            registry=self.registry,
        )
        self._success = Gauge(
            "knect_last_success_timestamp_seconds",
            "When something was last delivered or found unchanged (Unix time).",
            ("pipeline",),
            registry=self.registry,
        )
        self._exchanges = Histogram(
            "knect_exchange_duration_seconds",
            "Remote calls.",
            ("connection", "method", "outcome"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._webhooks = Counter(
            "knect_webhooks",
            "Webhooks, by what they were answered.",
            ("connection", "answer"),
            registry=self.registry,
        )
        self._lost = Counter(
            "knect_spans_lost", "Spans that will not arrive.", ("reason",), registry=self.registry
        )
        self._sent = Counter(
            "knect_spans_sent", "Spans the collector took.", registry=self.registry
        )

    def webhook(self, connection: str, answer: str) -> None:
        """Count a webhook by the word it was answered with."""
        self._webhooks.labels(connection, answer).inc()

    def ended(
        self,
        *,
        pipeline: str,
        entity: str,
        fate: str,
        reason_class: str = "",
        seconds: Sequence[float],
        transaction: str,
    ) -> None:
        """Count transactions of one fate by how long each took; the id of one of them goes along
        as an exemplar.
        """
        exemplar = {"trace_id": transaction}
        ended = self._ended.labels(pipeline, entity, fate, reason_class)
        ended.inc(len(seconds), exemplar=exemplar)
        journey = self._journey.labels(pipeline, entity)
        _observe(journey, seconds[1:])
        journey.observe(seconds[0], exemplar=exemplar)

    def stage(self, *, pipeline: str, entity: str, stage: str, seconds: Sequence[float]) -> None:
        """Record how long attempts spent in a stage."""
        _observe(self._stage.labels(pipeline, entity, stage), seconds)

    def equation(self, pipeline: str, terms: Mapping[str, int]) -> None:
        """Show the terms as the ledger counts them. Raises KeyError when one is missing."""
        for term in EQUATION_TERMS:
            self._equation.labels(pipeline, term).set(terms[term])
        parts = sum(terms[term] for term in EQUATION_TERMS[1:])
        self._balanced.labels(pipeline).set(int(terms["seen"] == parts))

    def stuck(
        self,
        pipeline: str,
        counts: Mapping[tuple[str, str, str], int],
        oldest_seconds: float,
    ) -> None:
        """Show what is stuck, by (entity, stage, reason class); what no longer is shows 0."""
        for labels in list(self._stuck._metrics):  # noqa: SLF001 - the library offers no listing
            if labels[0] == pipeline and labels[1:] not in counts:
                self._stuck.labels(*labels).set(0)
        for (entity, stage, reason_class), count in counts.items():
            self._stuck.labels(pipeline, entity, stage, reason_class).set(count)
        self._oldest.labels(pipeline).set(oldest_seconds)

    def unattended(self, pipeline: str, count: int) -> None:
        """Show how many are due in a pipeline nobody works on."""
        self._unattended.labels(pipeline).set(count)

    def read_complete(self, pipeline: str, until: float) -> None:
        """Show until when (Unix time) the source has been read."""
        self._fresh.labels(pipeline).set(until)

    def success(self, pipeline: str, at: float) -> None:
        """Show when (Unix time) a transaction last succeeded."""
        self._success.labels(pipeline).set(at)

    def exchange(self, *, connection: str, method: str, outcome: str, seconds: float) -> None:
        """Record a remote call; `outcome` is a status class (`2xx`) or an error's class name."""
        self._exchanges.labels(connection, method, outcome).observe(seconds)

    def spans_lost(self, count: int, reason: str) -> None:
        """Count spans that will not arrive."""
        self._lost.labels(reason).inc(count)

    def spans_sent(self, count: int) -> None:
        """Count spans the collector took."""
        self._sent.inc(count)

    def text(self) -> bytes:
        """Return the OpenMetrics page for `/metrics`."""
        page: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call] # the library's gap
        return page


def _observe(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe many values at once: the library takes four locks for each."""
    values, below = sorted(values), 0
    for bucket, bound in zip(histogram._buckets, histogram._upper_bounds, strict=True):  # noqa: SLF001 - it offers no other way
        within = bisect_right(values, bound)
        if within > below:
            bucket.inc(within - below)
            below = within
    histogram._sum.inc(sum(values))  # noqa: SLF001 - as above
