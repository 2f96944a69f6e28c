"""Connection: one account at one system.

Must not: hold a secret, only where it lies; or know what a connector's `config` means.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from knect.api.fields import (
    ApiModel,
    Bool,
    Duration,
    Host,
    Int,
    Label,
    Name,
    Text,
    Word,
)
from knect.api.metadata import Condition, ObjectMeta, ObjectReference, OpenObject

__all__ = [
    "Connection",
    "ConnectionSpec",
    "ConnectionStatus",
    "Credentials",
    "EntityStatus",
    "RateLimitShare",
    "Role",
    "ServerStatus",
    "WebhookEndpoint",
]


class Role(StrEnum):
    """Where a system stands."""

    HUB = "Hub"
    SPOKE = "Spoke"


class Credentials(ApiModel):
    """Where the credentials are."""

    secret_ref: ObjectReference = Field(
        description="The Secret that holds the keys the connector's manifest names."
    )


class WebhookEndpoint(ApiModel):
    """Where the system may push to; one receiver per Connection."""

    host: Host = Field(description="Public host name of the receiver.")
    ingress_class_name: Label | None = Field(
        default=None, description="Ingress class; the cluster's default when absent."
    )
    tls_secret_ref: ObjectReference | None = Field(
        default=None, description="The Secret with the certificate of the host."
    )


class RateLimitShare(ApiModel):
    """How much of the account's budget is ours."""

    share_percent: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=80, description="Our part of the account's request budget, in percent."
    )


class ConnectionSpec(ApiModel):
    """What a Connection is meant to be."""

    connector: Word = Field(
        description="Id of the connector, as `knect connectors` lists it. Immutable.",
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self == oldSelf",
                    "message": "connector is immutable; make a new Connection",
                    "reason": "FieldValueForbidden",
                }
            ]
        },
    )
    role: Role = Field(
        default=Role.SPOKE, description="Hub (the ERP) or Spoke (shops, CRM, e-mail marketing)."
    )
    config: OpenObject = Field(
        default_factory=dict,
        description="The connector's own settings: `knect connectors NAME` lists them.",
    )
    credentials: Credentials | None = Field(
        default=None, description="Where the credentials are; absent if the system needs none."
    )
    webhooks: WebhookEndpoint | None = Field(
        default=None, description="Where the system may push to; absent: no webhooks."
    )
    rate_limit: RateLimitShare = Field(
        default_factory=RateLimitShare, description="How much of the account's budget is ours."
    )
    check_interval: Duration = Field(
        default=Duration("5m"), description="How often credentials and reachability are checked."
    )
    moved_from: Annotated[
        tuple[Text, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Where this very system was before, in the words of whoever refuses to work"
        " because the Connection leads elsewhere. Another system is another Connection.",
    )
    besides: Annotated[
        tuple[Word, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Names of other Connections to the same system that are for other records than"
        " this one is. What one of them has delivered is made a second time under another name.",
    )
    suspend: Bool = Field(
        default=False, description="True: nothing is read from or written to this system."
    )


class ServerStatus(ApiModel):
    """What the system says it is."""

    product: Text = Field(description="The product, in its own words.")
    version: Text = Field(description="The version, in its own words.")
    api_sunset: date | None = Field(
        default=None, description="When the API version in use stops working."
    )


class EntityStatus(ApiModel):
    """What the credentials may do with one entity."""

    name: Word = Field(description="The entity.")
    read: Bool = Field(description="It can be read.")
    write: Bool = Field(description="It can be written.")
    webhook: Bool = Field(default=False, description="The system pushes its changes.")


class ConnectionStatus(ApiModel):
    """What a Connection is."""

    observed_generation: Annotated[Int, Field(ge=0)] | None = Field(
        default=None, description="The generation this status is about."
    )
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = Field(default=(), description="Ready, CredentialsValid, Reachable, WebhooksActive.")
    server: ServerStatus | None = Field(default=None, description="What the system says it is.")
    entities: Annotated[
        tuple[EntityStatus, ...],
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = Field(default=(), description="What the credentials may do, per entity.")
    last_check_time: datetime | None = Field(
        default=None, description="When the result of the check last changed."
    )
    last_handled_reconcile_at: Text | None = Field(
        default=None, description="The last `knect.dev/requested-at` token acted upon."
    )


class Connection(ApiModel):
    """One account at one system, with the reference to its Secret."""

    api_version: Literal["knect.dev/v1alpha1"] = "knect.dev/v1alpha1"
    kind: Literal["Connection"] = "Connection"
    metadata: ObjectMeta
    spec: ConnectionSpec
    status: ConnectionStatus | None = None

    @property
    def name(self) -> Name:
        """Return the name."""
        return self.metadata.name
