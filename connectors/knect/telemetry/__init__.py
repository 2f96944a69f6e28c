"""One trace per transaction, metrics by pipeline, logs that name both.

Why: when something stopped, people ask three tools; all three must give the same name for it.
Must not: slow or stop work, hold the only record of anything, or know a platform.
"""

from knect.telemetry.collector import CollectorSender, open_exporter
from knect.telemetry.exporter import Answer, Exporter, Sender
from knect.telemetry.logs import Redactor, bound_to, configure_logging
from knect.telemetry.metrics import EQUATION_TERMS, Metrics
from knect.telemetry.pattern import Pattern, gap
from knect.telemetry.sampling import Sampler
from knect.telemetry.settings import TraceSettings, read_settings
from knect.telemetry.spans import (
    AttemptStory,
    EffectStory,
    ExchangeStory,
    LinkStory,
    MarkKind,
    MarkStory,
    StageStory,
    TransactionStory,
    render,
    root_span_id,
    stage_span_id,
)
from knect.telemetry.traces import TransactionTraces

__all__ = [
    "EQUATION_TERMS",
    "Answer",
    "AttemptStory",
    "CollectorSender",
    "EffectStory",
    "ExchangeStory",
    "Exporter",
    "LinkStory",
    "MarkKind",
    "MarkStory",
    "Metrics",
    "Pattern",
    "Redactor",
    "Sampler",
    "Sender",
    "StageStory",
    "TraceSettings",
    "TransactionStory",
    "TransactionTraces",
    "bound_to",
    "configure_logging",
    "gap",
    "open_exporter",
    "read_settings",
    "render",
    "root_span_id",
    "stage_span_id",
]
