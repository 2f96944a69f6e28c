"""What a worker says of itself: the answer of `/status`, and what a check Job leaves behind.

Why: the worker stands beside the ledger and the remote systems, so it judges flow; the operator
stands beside the API server, so it judges objects. This page is all that passes between them.
Must not: hold a secret, a payload, or anything that moves when nothing happened (times are when a
state *began*, not how long it has lasted).
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator

from knect.api.fields import ApiModel, Bool, Int
from knect.api.reasons import ConditionReason
from knect.api.worker import WorkerDocument

__all__ = [
    "ConnectionReport",
    "EntityReport",
    "PipelineReport",
    "StuckReport",
    "Verdict",
    "VerdictState",
    "WorkerReport",
]

_REASONS = frozenset(one.value for one in ConditionReason)
_Name = Annotated[str, Field(max_length=253)]


def _plain(said: object) -> object:
    """Return a text without what steers: it may be a remote's, and is shown in terminals."""
    if not isinstance(said, str) or said.isprintable():
        return said
    return "".join(one if one.isprintable() else " " for one in said)


_Said = Annotated[str, BeforeValidator(_plain)]


class VerdictState(StrEnum):
    """Whether something holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Verdict(ApiModel):
    """A condition in the making. `message` says what happened and what to do next."""

    state: VerdictState = VerdictState.UNKNOWN
    reason: ConditionReason = ConditionReason.NOT_CHECKED
    message: Annotated[_Said, Field(max_length=1024)] = ""
    since: datetime | None = None

    @field_validator("reason", mode="before")
    @classmethod
    def _known(cls, reason: object) -> object:
        """Take the word of a newer worker for `Other`: one new word must not silence it."""
        known = not isinstance(reason, str) or reason in _REASONS
        return reason if known else ConditionReason.OTHER


class EntityReport(ApiModel):
    """What the credentials may do with one entity; `problem` names a missing scope."""

    name: _Name
    read: Bool = False
    write: Bool = False
    webhook: Bool = False
    problem: _Said | None = None


class ConnectionReport(ApiModel):
    """The last check of one Connection. `checked` is when it ran.

    `uid` is that of the Connection that was checked; none if the worker was not told.
    """

    namespace: _Name = "default"
    name: _Name
    uid: str | None = None
    generation: Int = 1
    checked: datetime | None = None
    credentials: Verdict = Field(default_factory=Verdict)
    reachable: Verdict = Field(default_factory=Verdict)
    #: None where the Connection declares no webhooks.
    webhooks: Verdict | None = None
    product: _Said | None = None
    version: _Said | None = None
    api_sunset: date | None = None
    entities: tuple[EntityReport, ...] = ()


class StuckReport(ApiModel):
    """The transaction that has been stuck longest; `key` is masked where the pipeline says so."""

    transaction: _Said
    key: _Said
    reason: _Said
    since: datetime


class PipelineReport(ApiModel):
    """Whether work flows through one pipeline.

    `flowing`: nothing upstream or downstream stops it. `fresh`: the source was read, and what it
    gave was finished, within the time declared. `suspended` pipelines report their stored facts.
    `requested_at` is the last token for which a read began and ended.
    """

    namespace: _Name = "default"
    name: _Name
    generation: Int = 1
    suspended: Bool = False
    flowing: Verdict = Field(default_factory=Verdict)
    fresh: Verdict = Field(default_factory=Verdict)
    complete_until: datetime | None = None
    last_success: datetime | None = None
    seen: Annotated[Int, Field(ge=0)] = 0
    fates: dict[str, int] = Field(default_factory=dict)
    balanced: Bool = True
    stuck: Annotated[Int, Field(ge=0)] = 0
    oldest_stuck: StuckReport | None = None
    requested_at: str | None = None


class WorkerReport(ApiModel):
    """All a worker says. `document` is the digest of the document it runs (WorkerDocument.digest).

    `content` is what that document tells (WorkerDocument.content); older workers do not say it.
    `ledger` is the worker's own view: False/LedgerUnavailable while it cannot be used.
    """

    schema_version: Annotated[Int, Field(ge=1)] = 1
    worker: str
    version: str
    document: str
    content: str | None = None
    started: datetime
    ledger: Verdict = Field(default_factory=Verdict)
    connections: tuple[ConnectionReport, ...] = ()
    pipelines: tuple[PipelineReport, ...] = ()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a report, of a newer worker too. Raises pydantic.ValidationError."""
        return cls.model_validate_json(text, extra="ignore")

    def to_json(self) -> str:
        """Return the report as JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def runs(self, text: str) -> bool:
        """Tell whether the worker runs what this document tells."""
        if self.content is None:
            return self.document == WorkerDocument.digest(text)
        return self.content == WorkerDocument.content(text)

    def pipeline(self, namespace: str, name: str) -> PipelineReport | None:
        """Return what is said of a pipeline, None if nothing is."""
        for one in self.pipelines:
            if (one.namespace, one.name) == (namespace, name):
                return one
        return None

    def connection(self, namespace: str, name: str) -> ConnectionReport | None:
        """Return what is said of a Connection, None if nothing is."""
        for one in self.connections:
            if (one.namespace, one.name) == (namespace, name):
                return one
        return None
