"""The token a person shows to `knect api`: their own, or a short-lived one they may ask for.

Why: a client certificate (kind's administrator) cannot go through a port-forward; who may create a
token of the chart's ServiceAccount `knect-person` is let in as that account, and named so.
Must not: write a token anywhere, or put one into a message or a command line.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from knect.cli.failure import NO_RIGHTS, CommandError
from knect.cli.kubectl import Kubectl
from knect.sdk.secret import Secret

__all__ = ["AUDIENCE", "namespace_of", "token_of"]

#: What the token is for; knect api asks for this first.
AUDIENCE = "knect-api"
_DURATION = "10m"
_PLUGIN_SECONDS = 120.0


def namespace_of(view: dict[str, Any]) -> str:
    """Return the namespace of a kubeconfig's context."""
    context: dict[str, Any] = ((view.get("contexts") or [{}])[0] or {}).get("context") or {}
    return context.get("namespace") or "default"


def token_of(kubectl: Kubectl, view: dict[str, Any], *, namespace: str, account: str) -> Secret:
    """Return the user's token. Raises CommandError.

    Args:
        kubectl: with the user's context.
        view: `kubectl config view --minify --raw -o json`.
        namespace: where knect api is.
        account: the ServiceAccount there, for who has no token of their own.
    """
    user: dict[str, Any] = ((view.get("users") or [{}])[0] or {}).get("user") or {}
    if not user.get("as"):  # an impersonating kubectl asks for a token under the other name
        if path := user.get("tokenFile"):
            return _from_file(Path(path))
        if text := user.get("token"):
            return Secret(str(text))
        if plugin := user.get("exec"):
            cluster = ((view.get("clusters") or [{}])[0] or {}).get("cluster") or {}
            if token := _from_plugin(plugin, cluster):
                return token
    missing = (
        f"there is no ServiceAccount {account} in namespace {namespace}, and this user has no "
        "token; install the chart with api.person.create, or set KNECT_TOKEN"
    )
    try:
        made = kubectl.run(
            "create", "token", account, f"--namespace={namespace}", f"--audience={AUDIENCE}",
            f"--duration={_DURATION}", missing=missing,
        )  # fmt: skip
    except CommandError as error:
        if error.code != NO_RIGHTS:
            raise
        raise CommandError(
            f"this user has no token and may not create one for ServiceAccount "
            f"{namespace}/{account}; log in with a token, or set KNECT_TOKEN",
            code=NO_RIGHTS,
        ) from None
    return Secret(made.strip())


def _from_file(path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            f"the kubeconfig's token file {path} cannot be read", code=NO_RIGHTS
        ) from None


def _from_plugin(plugin: dict[str, Any], cluster: dict[str, Any]) -> Secret | None:
    """Run a credential plugin as kubectl does; None if it gives a certificate and no token."""
    version = str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    mode = plugin.get("interactiveMode") or "IfAvailable"
    spec: dict[str, Any] = {"interactive": mode != "Never" and sys.stdin.isatty()}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {
            key: cluster[key]
            for key in ("server", "certificate-authority-data", "tls-server-name")
            if key in cluster
        }
    told = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    more = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    command = str(plugin.get("command"))
    try:
        done = subprocess.run(  # noqa: S603 - what the user's own kubeconfig names, as kubectl does
            [command, *map(str, plugin.get("args") or ())],
            env={**os.environ, **more, "KUBERNETES_EXEC_INFO": json.dumps(told)},
            stdin=None if spec["interactive"] else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_PLUGIN_SECONDS,
            check=False,
        )
        status = json.loads(done.stdout)["status"] if done.returncode == 0 else None
    except OSError:
        hint = f"; {plugin['installHint'].strip()}" if plugin.get("installHint") else ""
        raise CommandError(
            f"the kubeconfig logs in with {command}, which cannot be started{hint}", code=NO_RIGHTS
        ) from None
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        status = None
    if not isinstance(status, dict):
        raise CommandError(
            f"{command}, with which the kubeconfig logs in, gave no credentials; try it with "
            "kubectl first",
            code=NO_RIGHTS,
        )
    token = status.get("token")
    return Secret(str(token)) if token else None
