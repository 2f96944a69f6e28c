"""The user's own kubectl: what reaches a cluster with the user's own rights.

Why: every way to log in to a cluster works in kubectl already. Must not: show what kubectl printed
where a sentence of ours says it better, or leave a child behind.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from knect.cli.failure import BAD_INPUT, FAILED, NO_RIGHTS, NOT_FOUND, CommandError

__all__ = ["Kubectl"]

_SECONDS = 30.0
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
_NO_CONTEXT = re.compile(
    r"context \"?.*\"? does not exist|context was not found|cannot locate context|no configuration"
    r"|current-context|stat .*: no such file|error loading config file",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"forbidden|unauthorized|must be logged in|provide credentials", re.IGNORECASE
)
_NOT_FOUND = re.compile(r"\bNotFound\b|not found|doesn't have a resource type", re.IGNORECASE)
_PREFIX = re.compile(r"^(error: |Error from server )", re.IGNORECASE)


class Kubectl:
    """kubectl with a context and a kubeconfig, if they were named."""

    def __init__(self, *, context: str | None = None, kubeconfig: str | None = None) -> None:
        program = shutil.which("kubectl")
        if program is None:
            raise CommandError(
                "kubectl is not on the PATH, and it is what reaches the cluster; install it, or "
                "set KNECT_API (and KNECT_TOKEN) to the address of knect api"
            )
        self._words = [program]
        self._words += [f"--context={context}"] if context is not None else []
        self._words += [f"--kubeconfig={kubeconfig}"] if kubeconfig is not None else []

    def run(self, *words: str, missing: str | None = None) -> str:
        """Return what it prints. Raises CommandError; `missing` is the sentence for NotFound."""
        try:
            done = subprocess.run(  # noqa: S603 - words of ours, no shell
                [*self._words, *words],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise CommandError(f"the cluster did not answer kubectl in {_SECONDS:.0f} s") from None
        if done.returncode:
            raise failure(done.stderr, missing)
        return done.stdout

    def json(self, *words: str, missing: str | None = None) -> dict[str, Any]:
        """Return what it prints as JSON."""
        found: dict[str, Any] = json.loads(self.run(*words, "-o", "json", missing=missing))
        return found

    @asynccontextmanager
    async def forwarded(self, namespace: str, service: str) -> AsyncIterator[int]:
        """Forward a port of this machine to a Service's port 80 while inside; yields the port."""
        child = await asyncio.create_subprocess_exec(
            *self._words,
            f"--namespace={namespace}",
            "port-forward",
            "--address=127.0.0.1",
            f"service/{service}",
            ":80",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        draining: asyncio.Task[bytes] | None = None
        try:
            try:
                async with asyncio.timeout(_SECONDS):
                    found = _FORWARDING.search(await child.stdout.readline())
                    if found is None:
                        said = (await child.stderr.read()).decode(errors="replace")
                        raise failure(said, _absent(namespace, service))
            except TimeoutError:
                raise CommandError(
                    f"kubectl port-forward to {namespace}/{service} did not begin in "
                    f"{_SECONDS:.0f} s; is a pod of knect api running there?"
                ) from None
            draining = asyncio.create_task(child.stdout.read())
            yield int(found[1])
        finally:
            if draining is not None:
                draining.cancel()
            _signal(child, signal.SIGTERM)
            try:
                async with asyncio.timeout(3):
                    await child.wait()
            except TimeoutError:
                _signal(child, signal.SIGKILL)
                await child.wait()


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal a child by its pid: its own `terminate` polls first, and so reaps it."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)


def _absent(namespace: str, service: str) -> str:
    return (
        f"there is no Service {service} in namespace {namespace}; install the chart with "
        "api.enabled, or say where it is: --api-namespace, --api-service"
    )


def failure(said: str, missing: str | None = None) -> CommandError:
    """Return what kubectl's complaint means: a sentence and an exit code."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = _PREFIX.sub("", lines[-1]) if lines else "it said nothing"
    if _NO_CONTEXT.search(said):
        return CommandError(
            f"kubectl knows no such cluster: {last}; name one with --context or --kubeconfig",
            code=BAD_INPUT,
        )
    if _REFUSED.search(said):
        return CommandError(f"the cluster does not allow it: {last}", code=NO_RIGHTS)
    if _NOT_FOUND.search(said):
        return CommandError(missing or last, code=NOT_FOUND)
    return CommandError(f"the cluster cannot be reached: {last}", code=FAILED)
