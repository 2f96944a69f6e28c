"""Reading documents strictly: all problems at once, each with its file, line, column and path.

Why: the same files run on a laptop (`knect run -f DIR`) and in a cluster, and a typo that an API
server would prune in silence must not become a night's work.
Must not: read anything but the files named, or know the expression language (a checker is given).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from knect.api.connection import Connection
from knect.api.documents.bundle import DocumentSet, Origin, SecretUnavailable
from knect.api.documents.connections import SECRET_PATH, connection_problems
from knect.api.documents.live import LiveChecks, LiveObject
from knect.api.documents.ownership import ownership_problems
from knect.api.documents.pipelines import pipeline_problems
from knect.api.documents.problems import Code, DocumentErrors, Problem
from knect.api.documents.reader import Loaded, files_of, read_file
from knect.api.documents.world import (
    CheckConfig,
    CheckExpression,
    CheckField,
    ExpressionProblem,
    World,
)
from knect.api.manifest import Manifest
from knect.api.native import ConfigMap, Secret
from knect.api.pipeline import SyncPipeline

__all__ = [
    "CheckConfig",
    "CheckExpression",
    "Code",
    "DocumentErrors",
    "DocumentSet",
    "ExpressionProblem",
    "LiveChecks",
    "LiveObject",
    "Origin",
    "Problem",
    "SecretUnavailable",
    "load_documents",
]


def _let_through(*_: object) -> tuple[()]:
    return ()


def load_documents(
    paths: Iterable[Path],
    catalog: Mapping[str, Manifest],
    check_expression: CheckExpression,
    check_field: CheckField = _let_through,
    *,
    check_config: CheckConfig = _let_through,
    secrets_elsewhere: bool = False,
    doors_elsewhere: bool = False,
) -> DocumentSet:
    """Read files and folders (not their subfolders). Raises DocumentErrors with every problem.

    `check_expression` and `check_field` are those of knect.engine.mapping, given by the caller, as
    is `check_config`, which asks a Connection's connector.
    `secrets_elsewhere`: Secrets that are not among the documents are no problem.
    `doors_elsewhere`: neither is a trigger that waits for webhooks nobody takes; who runs it says.
    """
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    for path in files_of(paths):
        documents, found = read_file(path)
        loaded += documents
        problems += found
    known = _index(loaded, problems)
    world = World(catalog, known, check_expression, check_field, check_config)
    for document in known.values():
        problems += connection_problems(document, world)
        problems += pipeline_problems(document, world)
    problems += ownership_problems(known.values(), world)
    if secrets_elsewhere:
        problems = [one for one in problems if one.path != SECRET_PATH]
    if doors_elsewhere:
        problems = [one for one in problems if one.code is not Code.NO_DOOR]
    if problems:
        raise DocumentErrors(problems)
    return _set_of(known, [one.ignored for one in loaded if one.ignored])


def _index(
    loaded: Iterable[Loaded], problems: list[Problem]
) -> dict[tuple[str, tuple[str, str]], Loaded]:
    """Return documents by kind and key; the second of one name is a problem."""
    known: dict[tuple[str, tuple[str, str]], Loaded] = {}
    for one in loaded:
        if one.key is None:
            continue
        first = known.setdefault((one.kind, one.key), one)
        if first is not one:
            line, column = one.node.place(("metadata", "name"))
            text = f"{one.kind} {one.key[1]!r} is already in {first.file}:{first.node.line}"
            hint = "keep one of them, or rename it"
            path = "metadata.name"
            code = Code.DUPLICATE_DOCUMENT
            problems.append(Problem(one.file, line, column, path, text, hint, code))
    return known


def _set_of(known: Mapping[tuple[str, tuple[str, str]], Loaded], ignored: list[str]) -> DocumentSet:
    documents = DocumentSet(ignored=ignored)
    for (kind, key), one in known.items():
        documents.origins[kind, key] = Origin(one.file, one.node.line)
        match one.model:
            case Connection():
                documents.connections[key] = one.model
            case SyncPipeline():
                documents.pipelines[key] = one.model
            case Secret():
                documents.secrets[key] = one.model
            case ConfigMap():
                documents.config_maps[key] = one.model
            case None:
                pass
    return documents
