"""NetworkPolicies of worker and receiver pods: out to what they serve, in for who asks.

Why names are no destinations here: a NetworkPolicy knows networks and pods only. Public systems
are reached outside the cluster's networks, at HTTPS' port and those of the Connections; in-house
ones by what the chart allows: a network as it is, a name by where such a name can lie. Which of
the addresses there a pod connects to is its own guard's affair (`knect.sdk.http.guard`), which
knows the name.
Must not: allow what nobody named, or keep out what somebody did.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from knect_operator.render.pod import PORT, Object
from knect_operator.settings import OperatorSettings

__all__ = ["policy_spec"]

_EVERYWHERE = ("0.0.0.0/0", "::/0")
#: A policy sees the port of the pod behind a Service: OpenShift's name servers listen on 5353.
_DNS_PORTS = (53, 5353)


def policy_spec(
    selector: Object,
    settings: OperatorSettings,
    *,
    ports: Iterable[int],
    public_ingress: bool = False,
) -> Object:
    """Return the spec of the policy of pods with these labels; `ports` are those of their ends."""
    operator: Object = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": settings.namespace},
        },
        "podSelector": {"matchLabels": dict(settings.pod_selector)},
    }
    ingress: Object = {"ports": [{"port": PORT, "protocol": "TCP"}]}
    if not public_ingress:
        ingress["from"] = [operator, *settings.worker.scraped_by]
    return {
        "podSelector": {"matchLabels": selector},
        "policyTypes": ["Egress", "Ingress"],
        "ingress": [ingress],
        "egress": list(_egress(settings, ports)),
    }


def _egress(settings: OperatorSettings, ports: Iterable[int]) -> Iterable[Object]:
    worker = settings.worker
    yield {
        "ports": [
            {"port": port, "protocol": protocol}
            for port in _DNS_PORTS
            for protocol in ("UDP", "TCP")
        ]
    }
    yield {"to": [{"podSelector": {}}]}  # whatever of its own namespace a Connection names
    if worker.open_ports:
        # ledger and collector: their addresses stand in a Secret and in variables, not here
        yield {"ports": [{"port": one, "protocol": "TCP"} for one in worker.open_ports]}
    yield {
        "to": [_block(whole, worker.cluster_networks) for whole in _EVERYWHERE],
        "ports": [{"port": one, "protocol": "TCP"} for one in sorted({443, *ports})],
    }
    allowed = set[str]()
    namespaces = set[str]()
    for text in worker.egress_allow:
        network = _network(text)
        if network is not None:
            allowed.add(network)
            continue
        namespace, is_elsewhere = _where(text)
        namespaces |= {namespace} - {""}
        if is_elsewhere:
            allowed.update(worker.cluster_networks)
    blocks: list[Object] = [{"ipBlock": {"cidr": one}} for one in sorted(allowed)]
    pods: list[Object] = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": one}}}
        for one in sorted(namespaces)
    ]
    if blocks or pods:
        yield {"to": [*blocks, *pods]}


def _where(host: str) -> tuple[str, bool]:
    """Return the other namespace a name's pods can be in, and whether it can be a host elsewhere.

    `erp` is in the pod's own namespace, `erp.shops.svc` (with or without the cluster's domain) in
    `shops`; of `erp.shops` nobody can tell whether it is there or in somebody's network.
    """
    labels = host.lower().rstrip(".").split(".")
    if len(labels) == 1:
        return "", False
    if len(labels) > 2 and labels[2] == "svc":
        return labels[1], False
    return (labels[1], True) if len(labels) == 2 else ("", True)


def _block(whole: str, closed: Sequence[str]) -> Object:
    version = ipaddress.ip_network(whole).version
    inside = [one for one in closed if ipaddress.ip_network(one).version == version]
    return {"ipBlock": {"cidr": whole} | ({"except": inside} if inside else {})}


def _network(text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text.strip("[]"), strict=False))
    except ValueError:
        return None
