"""Where a person sees the trace of a transaction.

Must not: guess that a collector is there; the address is a template somebody gave, or Jaeger's own.
"""

import os

__all__ = ["trace_url"]


def trace_url(identifier: str, told: str | None = None) -> str:
    """Return where a person sees the trace.

    The template is in `KNECT_TRACE_URL`; else it is the one `told` by whoever was asked.
    """
    template = os.environ.get("KNECT_TRACE_URL") or told or "http://localhost:16686/trace/{id}"
    return template.replace("{id}", identifier)
