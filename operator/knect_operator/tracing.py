"""One trace per reconcile that did something; no-ops leave none.

Must not: slow or stop a reconcile, or make a transaction a child of one.
"""

import os
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from knect_operator.controllers.outcome import Outcome

__all__ = ["ReconcileTraces"]


class ReconcileTraces:
    """Sends to OTEL_EXPORTER_OTLP_ENDPOINT; without one, nowhere."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        if exporter is None and os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            exporter = OTLPSpanExporter()
        self._provider: TracerProvider | None = None
        if exporter is not None:
            resource = Resource.create(
                {"service.name": "knect-operator", "service.version": version("knect")}
            )
            self._provider = TracerProvider(resource=resource)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def tell(self, outcome: Outcome, began_ns: int, ended_ns: int, generation: int | None) -> None:
        """Send what a reconcile did, after the fact."""
        if self._provider is None or not outcome.did_something:
            return
        tracer = self._provider.get_tracer("knect.operator")
        attributes: dict[str, str | int] = {
            "k8s.namespace.name": outcome.namespace,
            "knect.kind": outcome.kind,
            "knect.name": outcome.name,
            "knect.drift.corrected": outcome.corrected,
            "knect.status.written": int(outcome.wrote_status),
        }
        if generation is not None:
            attributes["knect.generation"] = generation
        root = tracer.start_span(
            f"reconcile {outcome.kind}", start_time=began_ns, attributes=attributes
        )
        context = trace.set_span_in_context(root)
        for verb, names in (("apply", outcome.applied), ("prune", outcome.pruned)):
            for name in names:
                part = tracer.start_span(
                    f"{verb} {name.partition('/')[0]}",
                    context=context,
                    start_time=began_ns,
                    attributes={"k8s.object": name},
                )
                part.end(ended_ns)
        root.end(ended_ns)

    def close(self) -> None:
        """Send what waits."""
        if self._provider is not None:
            self._provider.shutdown()
