"""At which ports the systems of a Connection listen: what its manifest's `egress` says.

Why: a NetworkPolicy has to let a worker out to them, and knows ports but no names.
Must not: resolve a name, or fail because of a config that is not right; others say so.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from knect.api.manifest import EGRESS_KEY, Manifest, config_path, value_at

__all__ = ["ports_of"]

_PORTS = {"http": 80, "https": 443}


def ports_of(manifest: Manifest, config: Mapping[str, Any]) -> frozenset[int]:
    """Return the TCP ports a worker connects to for a Connection of this config."""
    values = {key: _value(manifest, config, key) for key in manifest.egress_keys}
    ports = (_port(entry, values) for entry in manifest.egress)
    return frozenset(port for port in ports if port is not None)


def _value(manifest: Manifest, config: Mapping[str, Any], key: str) -> Any:
    """Return what the config says, or what counts where it says nothing."""
    said = value_at(config, key)
    return value_at(manifest.config, f"{config_path(key)}.default") if said is None else said


def _port(entry: str, values: Mapping[str, Any]) -> int | None:
    """Return the port of a URL, of `host:port`, or HTTPS' own of a host; None of what is unset."""
    if any(values[key] is None for key in EGRESS_KEY.findall(entry)):
        return None
    where = EGRESS_KEY.sub(lambda found: str(values[found[1]]), entry)
    try:
        parts = urlsplit(where if "://" in where else f"//{where}", scheme="https")
        return parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
