"""Writes kubeconfig files that hold everything they need.

Must not: name other files; such a kubeconfig can be copied, mounted and handed on.
"""

import base64
import json
from pathlib import Path

from tests.support.cluster.authority import Pair

__all__ = ["write_kubeconfig"]


def write_kubeconfig(
    path: Path, *, server: str, ca: Path, client: Pair | None = None, token: str = ""
) -> Path:
    """Write a kubeconfig with one context, `knect`, for a client certificate or a token."""
    user: dict[str, str] = {}
    if client is not None:
        user["client-certificate-data"] = _encoded(client.certificate)
        user["client-key-data"] = _encoded(client.key)
    if token:
        user["token"] = token
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "knect",
        "clusters": [
            {
                "name": "knect",
                "cluster": {"server": server, "certificate-authority-data": _encoded(ca)},
            }
        ],
        "users": [{"name": "knect", "user": user}],
        "contexts": [{"name": "knect", "context": {"cluster": "knect", "user": "knect"}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=1))  # JSON is YAML
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
