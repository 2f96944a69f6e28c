"""Jobs: a check of a Connection nobody uses, a backfill, a replay.

Why a name from the request: the same wish is the same Job, however often it is seen.
Must not: be given a time to live shorter than the wish that asks for it, or it would run again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from knect.api.connection import Connection
from knect.api.names import ANNOTATION_BACKFILL, ANNOTATION_REPLAY
from knect.api.pipeline import SyncPipeline
from knect.api.worker import WorkerDocument
from knect_operator.render.names import ReceiverName, job_name, short
from knect_operator.render.network import policy_spec
from knect_operator.render.owned import child
from knect_operator.render.pod import DOCUMENT_FILE, Object, object_labels, pod_template
from knect_operator.render.receiver import receiver_document
from knect_operator.render.worker import Unit, connection_owner, pipeline_owner, worker_connection
from knect_operator.settings import OperatorSettings

__all__ = ["BadWish", "Wish", "render_check", "render_wishes", "wished_jobs"]

_CHECK_SECONDS = 120
_ROLES = {ANNOTATION_BACKFILL: "backfill", ANNOTATION_REPLAY: "replay"}
_REPORT_FILE = "/dev/termination-log"


class BadWish(ValueError):
    """An annotation asks for something that cannot be read."""


def render_check(
    connection: Connection, token: str, settings: OperatorSettings, *, ports: Iterable[int]
) -> list[Object]:
    """Return the objects that check a Connection once; its pod leaves a ConnectionReport.

    `ports` is where the Connection's system listens.
    """
    namespace, name = connection.metadata.namespace, connection.metadata.name
    # the instance is the receiver's: what belongs to a Connection is found by one label
    labels = object_labels("check", ReceiverName.of(name))
    owners = [connection_owner(connection)]
    config_map = short(name, "check")
    text = receiver_document(connection, settings).to_json()
    policies = [
        child(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            config_map,
            namespace=namespace,
            labels=labels,
            owners=owners,
            body={"spec": policy_spec(labels, settings, ports=ports)},
        )
    ]
    return [
        *(policies if settings.worker.network_policy else ()),
        child(
            "v1",
            "ServiceAccount",
            config_map,
            namespace=namespace,
            labels=labels,
            owners=owners,
            body={"automountServiceAccountToken": False},
        ),
        child(
            "v1",
            "ConfigMap",
            config_map,
            namespace=namespace,
            labels=labels,
            owners=owners,
            body={"data": {"worker.json": text}},
        ),
        child(
            "batch/v1",
            "Job",
            job_name(name, "check", f"{WorkerDocument.digest(text)}/{token}"),
            namespace=namespace,
            labels=labels,
            owners=owners,
            body={
                "spec": {
                    "backoffLimit": 1,
                    "activeDeadlineSeconds": _CHECK_SECONDS,
                    "template": pod_template(
                        arguments=["check", "--document", DOCUMENT_FILE, "--report", _REPORT_FILE],
                        config_map=config_map,
                        connections=[worker_connection(connection)],
                        settings=settings.worker,
                        labels=labels,
                        restart="Never",
                        service_account=config_map,
                    ),
                }
            },
        ),
    ]


@dataclass(frozen=True, slots=True)
class Wish:
    """What an annotation of a pipeline asks for: a Job, or None with why it cannot be read."""

    pipeline: str
    annotation: str
    job: Object | None
    trouble: str = ""


def wished_jobs(pipeline: str, annotations: Mapping[str, str]) -> list[str]:
    """Return the names of the Jobs that a pipeline's annotations ask for."""
    return [
        job_name(pipeline, role, wish)
        for annotation, role in _ROLES.items()
        if (wish := annotations.get(annotation))
    ]


def render_wishes(unit: Unit, settings: OperatorSettings) -> list[Wish]:
    """Return the wishes that stand on the pipelines of a unit.

    A Job stays as long as its wish; another wish replaces it.
    """
    wishes: list[Wish] = []
    for pipeline in unit.pipelines:
        for annotation, arguments in (
            (ANNOTATION_BACKFILL, _backfill),
            (ANNOTATION_REPLAY, _replay),
        ):
            wish = pipeline.metadata.annotations.get(annotation)
            if not wish:
                continue
            try:
                words = arguments(wish)
            except BadWish as error:
                wishes.append(Wish(pipeline.name, annotation, None, str(error)))
                continue
            job = _job(unit, pipeline, _ROLES[annotation], wish, words, settings)
            wishes.append(Wish(pipeline.name, annotation, job))
    return wishes


def _backfill(wish: str) -> list[str]:
    since, _, until = wish.partition("#")[0].partition("/")
    if not all(map(_is_instant, [since, *([until] if until.strip() else [])])):
        raise BadWish(
            f"{wish!r} is not SINCE or SINCE/UNTIL, instants with a zone such as "
            "2026-01-01T00:00:00Z"
        )
    return ["--since", since.strip(), *(["--until", until.strip()] if until.strip() else [])]


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return False


def _replay(wish: str) -> list[str]:
    kind, _, value = wish.partition("#")[0].partition("=")
    value = value.strip()
    if not value or kind.strip() not in {"because", "key"} or value.startswith("-"):
        raise BadWish(f"{wish!r} is neither because=REASON nor key=KEY")
    said = ["--yes", "--reason", f"asked for by the annotation {ANNOTATION_REPLAY}"]
    return [*said, "--because", value] if kind.strip() == "because" else [*said, value]


def _job(
    unit: Unit,
    pipeline: SyncPipeline,
    role: str,
    wish: str,
    words: Sequence[str],
    settings: OperatorSettings,
) -> Object:
    labels = object_labels("job", unit.name)
    arguments = [role, "--document", DOCUMENT_FILE, "--pipeline", pipeline.name, *words]
    return child(
        "batch/v1",
        "Job",
        job_name(pipeline.name, role, wish),
        namespace=unit.namespace,
        labels=labels,
        owners=[pipeline_owner(pipeline, controller=True)],
        body={
            "spec": {
                "backoffLimit": 3,
                "template": pod_template(
                    arguments=arguments,
                    config_map=unit.name,
                    connections=[worker_connection(one) for one in unit.connections],
                    settings=settings.worker,
                    labels=labels,
                    placement=unit.placement,
                    restart="Never",
                    service_account=unit.name,
                ),
            }
        },
    )
