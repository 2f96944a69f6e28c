"""kopf's part: watches, and nothing else. Every event becomes a wake.

Why only events: kopf's other handlers write annotations and finalizers onto users' objects, so that
nothing could be deleted while the operator is down.
Must not: reconcile here, or keep a body longer than it takes to store what is needed of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import kopf

from knect.api.names import FINALIZER
from knect_operator.kube import KINDS
from knect_operator.resync import SELECTORS

__all__ = ["watch"]

#: (event type: ADDED, MODIFIED, DELETED or None, object)
Observed = Callable[[str | None, Mapping[str, Any]], None]

_EXIT_SECONDS = 10


async def watch(observed: Observed, namespaces: Sequence[str]) -> None:
    """Watch until cancelled, or until a signal ends the process; raises when a watch gives up.

    No namespaces: the whole cluster. kopf takes the signals for itself while it runs.
    """
    await kopf.operator(
        registry=_registry(observed),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


def _registry(observed: Observed) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def configure(settings: kopf.OperatorSettings, **_: object) -> None:
        settings.peering.standalone = True
        settings.persistence.finalizer = FINALIZER
        settings.networking.connect_timeout = 10
        settings.networking.request_timeout = 30
        settings.posting.enabled = False
        settings.process.ultimate_exiting_timeout = _EXIT_SECONDS
        settings.watching.chunk_size = 100
        settings.scanning.disabled = True
        for kind, selector in SELECTORS.items():
            if selector:
                known = KINDS[kind]
                settings.watching.label_selectors[known.api_version, known.plural] = selector

    kopf.on.startup(registry=registry)(configure)
    kopf.on.login(registry=registry)(_login)
    for kind in SELECTORS:
        known = KINDS[kind]
        kopf.on.event(known.api_version, known.plural, registry=registry)(_passing(kind, observed))
    return registry


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Take the pod's own token, else the kubeconfig; never whichever client happens to be there."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _passing(kind: str, observed: Observed) -> Callable[..., Any]:
    known = KINDS[kind]

    async def passing(event: Mapping[str, Any], **_: object) -> None:
        # items of an initial list do not name their kind
        document = {"apiVersion": known.api_version, "kind": known.name, **event["object"]}
        observed(event["type"], document)

    passing.__name__ = f"observe_{known.plural}"
    return passing
