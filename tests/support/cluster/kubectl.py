"""A thin runner of kubectl for tests: apply, get, wait.

Why: what users type is what the tests type. Must not: hide what kubectl said when it failed.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.cluster.binaries import kubectl_binary

__all__ = ["Kubectl", "KubectlFailed"]


class KubectlFailed(Exception):
    """kubectl ended with an error; the text is what it printed."""


class Kubectl:
    """kubectl with one kubeconfig and, if given, one namespace."""

    def __init__(self, kubeconfig: Path, *, namespace: str = "") -> None:
        self.kubeconfig = kubeconfig
        self._words = [str(kubectl_binary()), f"--kubeconfig={kubeconfig}"]
        if namespace:
            self._words.append(f"--namespace={namespace}")

    def command(self, *words: str) -> list[str]:
        """Return the command line of `kubectl WORDS`."""
        return [*self._words, *words]

    def run(self, *words: str, stdin: str | None = None, seconds: float = 60) -> str:
        """Return what `kubectl WORDS` prints.

        Raises:
            KubectlFailed: it ended with an error, or took longer than `seconds`.
        """
        try:
            done = subprocess.run(
                self.command(*words),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                env={**os.environ, "KUBECTL_KUBERC": "false"},
            )
        except subprocess.TimeoutExpired as late:
            raise KubectlFailed(f"kubectl {' '.join(words)}: not within {seconds:.0f} s") from late
        if done.returncode:
            raise KubectlFailed(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def apply(
        self, *documents: dict[str, Any], manager: str = "test", dry_run: bool = False
    ) -> str:
        """Apply documents server-side; return what kubectl printed."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        extra = ["--dry-run=server"] if dry_run else []
        return self.run(
            "apply", "--server-side", f"--field-manager={manager}", *extra, "-f", "-",
            stdin=json.dumps(listed),
        )  # fmt: skip

    def get(self, *words: str) -> dict[str, Any]:
        """Return an object or a list as the API gives it."""
        return dict(json.loads(self.run("get", *words, "-o", "json")))

    def troubles(self, namespace: str) -> str:
        """Return what is known of pods that are not ready, with the last words of each container."""
        told = []
        for pod in self.get("pods", f"--namespace={namespace}")["items"]:
            name, states = pod["metadata"]["name"], pod["status"].get("containerStatuses", ())
            for one in (state for state in states if not state["ready"]):
                told.append(f"{name}/{one['name']}: {json.dumps(one['state'])}")
                told.append(json.dumps(one.get("lastState", {})))
                for which in ("--previous", "--previous=false"):
                    words = ("logs", name, f"--container={one['name']}", "--tail=30", which)
                    try:
                        told.append(self.run(*words, f"--namespace={namespace}"))
                    except KubectlFailed as error:
                        told.append(str(error))
        return "\n".join(told)

    def until(
        self, *words: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 60
    ) -> dict[str, Any]:
        """Poll `kubectl get WORDS` until `holds` is true of the answer, and return it.

        A failing kubectl counts as "not yet"; the last answer or error is in the message.
        """
        deadline = time.monotonic() + seconds
        pause = 0.1
        last: object = None
        while time.monotonic() < deadline:
            try:
                found = self.get(*words)
                if holds(found):
                    return found
                last = found.get("status", found)
            except KubectlFailed as error:
                last = error
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5)  # each look is a process here and work at the API server
        raise AssertionError(f"kubectl get {' '.join(words)}: not within {seconds:.0f} s: {last}")
