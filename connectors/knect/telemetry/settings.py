"""Where traces go: OpenTelemetry's own environment variables, nothing of ours beside them.

`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is taken as it is; `OTEL_EXPORTER_OTLP_ENDPOINT` gets
`/v1/traces` appended; without either, or with `OTEL_SDK_DISABLED=true`, nothing is sent.
`OTEL_EXPORTER_OTLP[_TRACES]_HEADERS`, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are
honoured; `OTEL_TRACES_SAMPLER_ARG` is the share of plain successes to keep.
Must not: print headers; they hold the collector's credentials.
"""

import os
from collections.abc import Mapping
from urllib.parse import unquote

from msgspec import Struct, field

__all__ = ["TraceSettings", "read_settings"]


class TraceSettings(Struct, frozen=True, kw_only=True):
    """How traces are exported; `endpoint` None means not at all."""

    endpoint: str | None = None
    resource: dict[str, str] = field(default_factory=lambda: {"service.name": "knect"})
    ratio: float = 1.0
    timeout: float = 10.0
    _headers: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """Return what to send with each request besides the content type."""
        return dict(self._headers)

    def __repr__(self) -> str:
        return f"TraceSettings(endpoint={self.endpoint!r}, resource={self.resource!r})"


def read_settings(environment: Mapping[str, str] | None = None) -> TraceSettings:
    """Read the environment. Raises ValueError with a sentence when a value cannot be used."""
    env = os.environ if environment is None else environment
    resource = {"service.name": "knect", **_pairs(env.get("OTEL_RESOURCE_ATTRIBUTES", ""))}
    if name := env.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = name
    headers = _pairs(env.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    headers |= _pairs(env.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""))
    return TraceSettings(
        endpoint=_endpoint(env),
        resource=resource,
        ratio=_number(env, "OTEL_TRACES_SAMPLER_ARG", 1.0),
        timeout=_number(env, "OTEL_EXPORTER_OTLP_TIMEOUT", 10_000.0) / 1000,
        _headers=headers,
    )


def _endpoint(env: Mapping[str, str]) -> str | None:
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if env.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    own = env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    shared = env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    endpoint = own or (f"{shared.rstrip('/')}/v1/traces" if shared else None)
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise ValueError(f"the OTLP endpoint {endpoint!r} is no http or https address")
    return endpoint


def _pairs(text: str) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in text.split(",") if "=" in part)
    return {key.strip(): unquote(value.strip()) for key, value in pairs}


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name}={text!r} is no number") from None
