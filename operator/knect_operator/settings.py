"""What the operator is told by its chart: images, scope, limits, what worker pods are given.

Must not: hold a default that differs from the chart's; the chart's test compares them.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError

from knect.api.delivery import Resources
from knect.api.fields import ApiModel, Bool, Duration, Int, Name, Text, TextMap
from knect.api.metadata import OpenObject

__all__ = ["BadSettings", "OperatorSettings", "WorkerSettings"]


def _is_network(text: str) -> str:
    return str(ip_network(text))  # its ValueError says what is wrong with it


class BadSettings(ValueError):
    """The settings file cannot be used; says where and why."""


class WorkerSettings(ApiModel):
    """What every worker and receiver pod is given."""

    image: Text = "knect:0.1.0"
    image_pull_policy: Text = "IfNotPresent"
    image_pull_secrets: tuple[Name, ...] = ()
    resources: Resources = Field(
        default_factory=lambda: Resources(
            requests={"cpu": "50m", "memory": "192Mi", "ephemeral-storage": "64Mi"},
            limits={"memory": "512Mi", "ephemeral-storage": "512Mi"},
        )
    )
    receiver_replicas: Annotated[Int, Field(ge=1, le=16)] = 2
    grace: Duration = Duration("1m")
    #: Private hosts and networks the pods may connect to: in-house ERPs, simulators.
    egress_allow: tuple[Text, ...] = ()
    #: Networks a NetworkPolicy keeps worker pods from, apart from `egressAllow`.
    cluster_networks: tuple[Annotated[Text, AfterValidator(_is_network)], ...] = (
        "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "198.18.0.0/15", "fc00::/7",
    )  # fmt: skip
    network_policy: Bool = True
    #: Peers (of a NetworkPolicy) that may ask a worker for its metrics, besides the operator.
    scraped_by: tuple[OpenObject, ...] = ()
    #: Ports a NetworkPolicy leaves open to everywhere: the ledger's and the collector's.
    open_ports: tuple[Annotated[Int, Field(ge=1, le=65535)], ...] = (5432, 4318)
    #: OTEL_* and other variables, the same in each pod. No secrets.
    env: dict[str, str] = Field(default_factory=dict)
    pod_labels: TextMap = Field(default_factory=dict)
    lease: Duration = Duration("1m")
    retention: Duration = Duration("90d")
    priority_class_name: Text | None = None
    topology_spread_constraints: tuple[OpenObject, ...] = ()


class OperatorSettings(ApiModel):
    """The operator's own settings. Empty `namespaces`: the whole cluster."""

    namespaces: tuple[Name, ...] = ()
    namespace: Name = "knect-system"
    #: Labels of the operator's own pods, which worker pods admit to `/status`.
    pod_selector: TextMap = Field(
        default_factory=lambda: {"app.kubernetes.io/name": "knect"},
    )
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    #: A folder of manifests of connectors that only a worker's own image has.
    manifests: Text | None = None
    resync: Duration = Duration("10m")
    observe_every: Duration = Duration("15s")
    concurrency: Annotated[Int, Field(ge=1, le=256)] = 16
    #: Two replicas or more: the one that holds the Lease works, the others wait.
    leader_election: Bool = True
    lease_name: Name = "knect-operator"
    lease: Duration = Duration("30s")
    listen: Text = "0.0.0.0:8080"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a YAML file. Raises BadSettings."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            return cls.model_validate(content, by_name=False, by_alias=True)
        except (OSError, yaml.YAMLError) as error:
            raise BadSettings(f"{path} cannot be read: {error}") from None
        except ValidationError as error:
            places = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            )
            raise BadSettings(f"{path}: {places}") from None
