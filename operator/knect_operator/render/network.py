"""NetworkPolicies of worker and receiver pods: out to what they serve, in for who asks.

Why names are no destinations here: a NetworkPolicy knows networks only. Public systems are
reached by port 443 outside the cluster's networks; in-house ones by the networks the chart allows.
Must not: allow the API server, or another namespace's pods.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from knect_operator.render.pod import PORT, Object
from knect_operator.settings import OperatorSettings

__all__ = ["policy_spec"]

_EVERYWHERE = ("0.0.0.0/0", "::/0")


def policy_spec(
    selector: Object, settings: OperatorSettings, *, public_ingress: bool = False
) -> Object:
    """Return the spec of the policy of pods with these labels."""
    operator: Object = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": settings.namespace},
        },
        "podSelector": {"matchLabels": dict(settings.pod_selector)},
    }
    ingress: Object = {"ports": [{"port": PORT, "protocol": "TCP"}]}
    if not public_ingress:
        ingress["from"] = [operator]
    return {
        "podSelector": {"matchLabels": selector},
        "policyTypes": ["Egress", "Ingress"],
        "ingress": [ingress],
        "egress": list(_egress(settings)),
    }


def _egress(settings: OperatorSettings) -> Iterable[Object]:
    yield {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    yield {"to": [{"podSelector": {}}]}  # whatever of its own namespace a Connection names
    if settings.worker.open_ports:
        # ledger and collector: their addresses stand in a Secret and in variables, not here
        yield {"ports": [{"port": one, "protocol": "TCP"} for one in settings.worker.open_ports]}
    yield {
        "to": [_block(whole, settings.worker.cluster_networks) for whole in _EVERYWHERE],
        "ports": [{"port": 443, "protocol": "TCP"}],
    }
    allowed = [_network(text) for text in settings.worker.egress_allow]
    named = sorted({one for one in allowed if one})
    if named:
        yield {"to": [{"ipBlock": {"cidr": one}} for one in named]}
    if len(named) < len(allowed):
        # a host name stands among them: its address is not known here, so its port decides
        yield {"to": [{"namespaceSelector": {}}]}


def _block(whole: str, closed: Sequence[str]) -> Object:
    version = ipaddress.ip_network(whole).version
    inside = [one for one in closed if ipaddress.ip_network(one).version == version]
    return {"ipBlock": {"cidr": whole} | ({"except": inside} if inside else {})}


def _network(text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None
