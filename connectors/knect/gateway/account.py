"""As whom `knect api` asks the API server: its pod's own account, or a kubeconfig's user.

Why: a pod's token lasts an hour and its authority may change; the kubelet replaces the files.
Must not: keep what a file said longer than the file says it.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Any

import yaml

from knect.sdk.secret import Secret

__all__ = ["AccountError", "KubeconfigAccount", "PodAccount"]

_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class AccountError(Exception):
    """There is no account that can be used; the text says why."""


class PodAccount:
    """The ServiceAccount of the pod this process runs in."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}") for name in ("HOST", "PORT"))
        if not host or not (folder / "token").exists():
            raise AccountError(
                "this is no pod of a cluster with a ServiceAccount's token; say which cluster: "
                "--kubeconfig FILE"
            )
        bare = f"[{host}]" if ":" in host else host
        self._server = f"https://{bare}:{port or 443}"
        self._folder = folder

    def server(self) -> str:
        """Return the API server's URL within the cluster."""
        return self._server

    def token(self) -> Secret:
        """Return the token as the kubelet last wrote it."""
        return Secret((self._folder / "token").read_text(encoding="ascii").strip())

    def authority(self) -> str | None:
        """Return the cluster's authority as the kubelet last wrote it."""
        return (self._folder / "ca.crt").read_text(encoding="ascii")


class KubeconfigAccount:
    """The user of a kubeconfig's current context, if that is one with a token."""

    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            context = _named(document, "context", document["current-context"])
            self._cluster = _named(document, "cluster", context["cluster"])
            self._user = _named(document, "user", context["user"])
            self._url = str(self._cluster["server"])
            self.token()
            self.authority()
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
            raise AccountError(
                f"{path} names no cluster and user with a token ({type(error).__name__})"
            ) from None

    def server(self) -> str:
        """Return the API server's URL."""
        return self._url

    def token(self) -> Secret:
        """Return the token, from its file where it lies in one."""
        if "tokenFile" in self._user:
            return Secret(Path(self._user["tokenFile"]).read_text(encoding="ascii").strip())
        return Secret(str(self._user["token"]))

    def authority(self) -> str | None:
        """Return the authority the kubeconfig names; None: the machine's."""
        if data := self._cluster.get("certificate-authority-data"):
            try:
                return base64.b64decode(data, validate=True).decode("ascii")
            except (binascii.Error, UnicodeDecodeError):
                raise KeyError("certificate-authority-data") from None
        file = self._cluster.get("certificate-authority")
        return Path(file).read_text(encoding="ascii") if file else None


def _named(document: Any, kind: str, name: str) -> dict[str, Any]:
    for one in document[f"{kind}s"]:
        if one["name"] == name:
            found: dict[str, Any] = one[kind]
            return found
    raise KeyError(kind)
