"""`knect reconcile`, `suspend`, `resume`: a wish on a SyncPipeline, then what became of it.

Why: people want to know that it was done, not that it was asked for; so the sentence of the Ready
condition ends the command. Must not: touch anything of a pipeline but the one field or annotation.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import click

from knect.api.names import ANNOTATION_REQUESTED_AT, GROUP, SYNC_PIPELINES
from knect.cli.credentials import namespace_of
from knect.cli.failure import FAILED, TIMED_OUT, CommandError
from knect.cli.kubectl import Kubectl
from knect.cli.output import say
from knect.cli.source import Where, chosen, where_options
from knect.seams import new_id

__all__ = ["reconcile", "resume", "suspend"]

_EVERY = 1.0
_KIND = f"{SYNC_PIPELINES}.{GROUP}"

Document = dict[str, Any]


def _options(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.argument("pipeline"),
        where_options,
        click.option("--wait/--no-wait", default=True, help="Wait until it is so. [--wait]"),
        click.option(
            "--timeout",
            type=click.FloatRange(0, 86_400),
            default=120.0,
            help="Seconds to wait. [120]",
        ),
    ):
        command = option(command)
    return command


class _Pipeline:
    """One SyncPipeline, by the user's kubectl."""

    def __init__(self, name: str, where: Where) -> None:
        self._name = name
        self._kubectl = Kubectl(context=where.context, kubeconfig=where.kubeconfig)
        view = self._kubectl.json("config", "view", "--minify", "--raw")
        self._namespace = where.namespace or namespace_of(view)

    def _run(self, verb: str, *words: str) -> str:
        return self._kubectl.run(
            verb,
            f"{_KIND}/{self._name}",
            f"--namespace={self._namespace}",
            *words,
            missing=f"namespace {self._namespace} has no SyncPipeline {self._name!r}",
        )

    def get(self) -> Document:
        found: Document = json.loads(self._run("get", "-o", "json"))
        return found

    def annotate(self, name: str, value: str) -> None:
        self._run("annotate", "--overwrite", f"{name}={value}")

    def suspend(self, *, suspended: bool) -> None:
        patch = json.dumps({"spec": {"suspend": suspended}})
        self._run("patch", "--type=merge", f"--patch={patch}")

    def until(self, holds: Callable[[Document], bool], seconds: float) -> Document:
        """Return it once `holds` is true of it. Raises CommandError (5) after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get()
            if holds(found):
                return found
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{self._name}: not within {seconds:.0f} s; it stands at: {_sentence(found)}",
                    code=TIMED_OUT,
                )
            time.sleep(_EVERY)


def _ready(document: Document) -> Document:
    conditions = (document.get("status") or {}).get("conditions") or []
    found: Document = next((one for one in conditions if one.get("type") == "Ready"), {})
    return found


def _sentence(document: Document) -> str:
    ready = _ready(document)
    if not ready:
        return "the operator has not looked at it yet"
    return f"Ready={ready.get('status')}/{ready.get('reason')}: {ready.get('message', '')}"


def _current(document: Document) -> bool:
    status = document.get("status") or {}
    return bool(status.get("observedGeneration", 0) >= document["metadata"].get("generation", 0))


def _of(name: str, options: dict[str, Any]) -> _Pipeline:
    return _Pipeline(name, chosen(None, options).where)


@click.command()
@_options
def reconcile(pipeline: str, *, wait: bool, timeout: float, **options: Any) -> int:
    """Read PIPELINE's source now, and say how the pipeline stands after it."""
    one = _of(pipeline, options)
    token = new_id()
    one.annotate(ANNOTATION_REQUESTED_AT, token)
    if not wait:
        say(f"{pipeline}: asked to read its source now")
        return 0

    def handled(document: Document) -> bool:
        return (document.get("status") or {}).get("lastHandledReconcileAt") == token

    found = one.until(handled, timeout)
    say(f"{pipeline}: {_sentence(found)}")
    return 0 if _ready(found).get("status") == "True" else FAILED


@click.command()
@_options
def suspend(pipeline: str, *, wait: bool, timeout: float, **options: Any) -> int:
    """Let PIPELINE pause: nothing new is begun; webhooks are still kept."""
    one = _of(pipeline, options)
    one.suspend(suspended=True)
    if not wait:
        say(f"{pipeline}: asked to pause")
        return 0
    found = one.until(
        lambda document: _current(document) and _ready(document).get("reason") == "Suspended",
        timeout,
    )
    say(f"{pipeline}: {_sentence(found)}")
    return 0


@click.command()
@_options
def resume(pipeline: str, *, wait: bool, timeout: float, **options: Any) -> int:
    """Let PIPELINE work again, and wait until work flows."""
    one = _of(pipeline, options)
    one.suspend(suspended=False)
    if not wait:
        say(f"{pipeline}: asked to go on")
        return 0
    found = one.until(
        lambda document: _current(document) and _ready(document).get("status") == "True", timeout
    )
    say(f"{pipeline}: {_sentence(found)}")
    return 0
