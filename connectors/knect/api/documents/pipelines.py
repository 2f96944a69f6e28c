"""What a SyncPipeline says against its Connections, their manifests and its expressions.

Must not: know the expression language; the checker that was given does.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from knect.api.documents.config import config_problems
from knect.api.documents.explain import path_text
from knect.api.documents.problems import Code, Problem, closest
from knect.api.documents.reader import Loaded
from knect.api.documents.tree import Path
from knect.api.documents.world import World, at, reference
from knect.api.manifest import EntityManifest, Manifest
from knect.api.native import ConfigMap
from knect.api.pipeline import SourceDelete, SyncPipeline

__all__ = ["pipeline_problems"]

_LONGEST_TRANSLATION = 1024


def pipeline_problems(loaded: Loaded, world: World) -> Iterator[Problem]:
    """Yield what is wrong with a SyncPipeline beyond its own shape."""
    pipeline = loaded.model
    if not isinstance(pipeline, SyncPipeline):
        return
    spec = pipeline.spec
    for side in ("source", "destination"):
        name = getattr(spec, side).connection_ref.name
        path: Path = ("spec", side, "connectionRef", "name")
        yield from reference(loaded, world, path, "Connection", name)
    for number, table in enumerate(spec.mapping.value_maps):
        path = ("spec", "mapping", "valueMaps", number, "configMapRef", "name")
        yield from reference(loaded, world, path, "ConfigMap", table.config_map_ref.name)
        yield from _rows(loaded, world, path, table.config_map_ref.name)
    yield from _schedules(loaded, pipeline)
    yield from _expressions(loaded, pipeline, world)
    yield from _paths(loaded, pipeline, world)
    yield from _entities(loaded, pipeline, world)


def _rows(loaded: Loaded, world: World, path: Path, name: str) -> Iterator[Problem]:
    """Check a table row by row; a whole file pasted under one key translates nothing."""
    namespace = loaded.key[0] if loaded.key else "default"
    found = world.known.get(("ConfigMap", (namespace, name)))
    if found is None or not isinstance(found.model, ConfigMap):
        return
    for key, value in found.model.data.items():
        what = None
        if not value.strip():
            what = "has no translation"
        elif "\n" in value.strip():
            what = "has a translation of several lines"
        elif len(value) > _LONGEST_TRANSLATION:
            what = f"has a translation of more than {_LONGEST_TRANSLATION} characters"
        if what is not None:
            text = f"row {key!r} of ConfigMap {name!r} {what}"
            hint = "one row is one value and what it becomes: data: {DHL: carrier-7}"
            yield at(loaded, path, text, hint, Code.BAD_TABLE)


def _schedules(loaded: Loaded, pipeline: SyncPipeline) -> Iterator[Problem]:
    trigger, audit = pipeline.spec.trigger.schedule, pipeline.spec.audit
    if trigger is not None:
        base: Path = ("spec", "trigger", "schedule")
        yield from _schedule(loaded, (*base, "cron"), trigger.cron)
        yield from _zone(loaded, (*base, "timeZone"), trigger.time_zone)
    if audit is not None:
        yield from _schedule(loaded, ("spec", "audit", "schedule"), audit.schedule)
        yield from _zone(loaded, ("spec", "audit", "timeZone"), audit.time_zone)


def _schedule(loaded: Loaded, path: Path, text: str) -> Iterator[Problem]:
    hint = 'five fields: minute hour day month weekday, e.g. "*/15 * * * *"'
    try:
        # the instant only serves the parser; whether the schedule ever fires is asked next
        upcoming = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        why = str(error).rstrip(".") or "it is no cron expression"
        message = f"the schedule cannot be read: {why[:1].lower()}{why[1:]}"
        yield at(loaded, path, message, hint, Code.BAD_SCHEDULE)
        return
    if len(text.split()) != 5:
        yield at(loaded, path, "the schedule has not five fields", hint, Code.BAD_SCHEDULE)
    elif next(upcoming, None) is None:
        yield at(loaded, path, "the schedule never fires", hint, Code.BAD_SCHEDULE)


def _zone(loaded: Loaded, path: Path, name: str) -> Iterator[Problem]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = f"there is no time zone {name!r}"
        yield at(loaded, path, text, "write an IANA name: Europe/Berlin", Code.BAD_SCHEDULE)


def _expressions(loaded: Loaded, pipeline: SyncPipeline, world: World) -> Iterator[Problem]:
    mapping, entity = pipeline.spec.mapping, pipeline.spec.entity
    texts: list[tuple[Path, str]] = [
        (("spec", "mapping", "admit", number, "when"), rule.when)
        for number, rule in enumerate(mapping.admit)
    ]
    texts += [(("spec", "mapping", "set", name), text) for name, text in mapping.set.items()]
    tables = [table.name for table in mapping.value_maps]
    for path, text in texts:
        for problem in world.check_expression(text, entity, tables):
            node = loaded.node.at(path)
            line, column = loaded.node.place(path)
            if node is not None and node.line and "\n" not in text:
                column += problem.position + (1 if node.quoted else 0)
            message = f"{problem.message} (character {problem.position + 1} of the expression)"
            yield Problem(
                loaded.file,
                line,
                column,
                path_text(path),
                message,
                problem.suggestion,
                Code.BAD_EXPRESSION,
            )


def _paths(loaded: Loaded, pipeline: SyncPipeline, world: World) -> Iterator[Problem]:
    """Check fields that are named outright; a misspelled mask would mask nothing."""
    spec = pipeline.spec
    named: list[tuple[Path, str]] = []
    for number, name in enumerate(spec.privacy.mask):
        named.append((("spec", "privacy", "mask", number), name))
    for number, name in enumerate(spec.destination.match):
        named.append((("spec", "destination", "match", number), name))
    for path, name in named:
        for problem in world.check_field(name, spec.entity):
            hint = problem.suggestion
            yield at(loaded, path, problem.message, hint, Code.UNKNOWN_RECORD_FIELD)


def _entities(loaded: Loaded, pipeline: SyncPipeline, world: World) -> Iterator[Problem]:
    spec, namespace = pipeline.spec, pipeline.metadata.namespace
    source = world.manifest(namespace, spec.source.connection_ref.name)
    destination = world.manifest(namespace, spec.destination.connection_ref.name)
    if source is not None:
        entity = source.entities.get(spec.entity)
        if entity is None or not entity.read:
            yield _not_supported(
                loaded, source, "read", [n for n, e in source.entities.items() if e.read]
            )
        else:
            yield from _filter(loaded, pipeline, entity)
            if spec.trigger.webhook is not None and not entity.webhook:
                text = f"{source.id} sends no webhooks for {spec.entity}"
                hint = "use trigger.poll"
                path: Path = ("spec", "trigger", "webhook")
                yield at(loaded, path, text, hint, Code.ENTITY_NOT_SUPPORTED, key=True)
            else:
                yield from _unheard(loaded, pipeline, world, source)
    if destination is not None:
        entity = destination.entities.get(spec.entity)
        if entity is None or not entity.write:
            can = [name for name, one in destination.entities.items() if one.write]
            yield _not_supported(loaded, destination, "write", can)
        else:
            base: Path = ("spec", "destination", "settings")
            yield from _open(loaded, base, entity.settings, spec.destination.settings)
            yield from _fields(loaded, pipeline, destination)
            yield from _matches(loaded, pipeline, world, destination)
            yield from _removal(loaded, pipeline, destination)


def _unheard(
    loaded: Loaded, pipeline: SyncPipeline, world: World, manifest: Manifest
) -> Iterator[Problem]:
    """Check that whoever is to be told has a door, and can know who stands before it: without
    either only the poll behind reads.
    """
    name = pipeline.spec.source.connection_ref.name
    source = world.connection(pipeline.metadata.namespace, name)
    if pipeline.spec.trigger.webhook and source is not None and source.spec.webhooks is None:
        text = f"Connection {name!r} takes no webhooks, so nobody would say when to read"
        hint = "add spec.webhooks to the Connection, or use trigger.poll"
        yield at(loaded, ("spec", "trigger", "webhook"), text, hint, Code.NO_DOOR, key=True)
    needed = manifest.webhook_config
    declares = needed is None or source is None or needed in source.spec.config
    if pipeline.spec.trigger.webhook and not declares:
        text = f"Connection {name!r} declares no webhooks that could be verified"
        hint = f"add spec.config.{needed} to the Connection, or use trigger.poll"
        path: Path = ("spec", "trigger", "webhook")
        yield at(loaded, path, text, hint, Code.ENTITY_NOT_SUPPORTED, key=True)


def _not_supported(loaded: Loaded, manifest: Manifest, verb: str, can: list[str]) -> Problem:
    path: Path = ("spec", "entity")
    pipeline = loaded.model
    entity = pipeline.spec.entity if isinstance(pipeline, SyncPipeline) else ""
    text = f"connector {manifest.id!r} cannot {verb} {entity!r}"
    hint = closest(entity, can) or f"it can {verb}: {', '.join(can) or 'nothing'}"
    return at(loaded, path, text, hint, Code.ENTITY_NOT_SUPPORTED)


def _matches(
    loaded: Loaded, pipeline: SyncPipeline, world: World, manifest: Manifest
) -> Iterator[Problem]:
    entity = pipeline.spec.entity
    known = manifest.entities[entity].matches
    for number, name in enumerate(pipeline.spec.destination.match):
        if name not in known and not any(world.check_field(name, entity)):
            path: Path = ("spec", "destination", "match", number)
            text = f"{entity} at {manifest.id} cannot be found by {name!r}"
            hint = closest(name, known) or f"they can by: {', '.join(known) or 'nothing'}"
            yield at(loaded, path, text, hint, Code.ENTITY_NOT_SUPPORTED)


def _removal(loaded: Loaded, pipeline: SyncPipeline, manifest: Manifest) -> Iterator[Problem]:
    wanted = pipeline.spec.destination.on_source_delete
    can = [one.value for one in manifest.entities[pipeline.spec.entity].removals]
    if wanted is not SourceDelete.IGNORE and wanted.value not in can:
        path: Path = ("spec", "destination", "onSourceDelete")
        text = f"connector {manifest.id!r} cannot {wanted} {pipeline.spec.entity}"
        hint = f"write {' or '.join([*can, SourceDelete.IGNORE.value])}"
        yield at(loaded, path, text, hint, Code.ENTITY_NOT_SUPPORTED)


def _filter(loaded: Loaded, pipeline: SyncPipeline, entity: EntityManifest) -> Iterator[Problem]:
    base: Path = ("spec", "source", "filter")
    yield from _open(loaded, base, entity.filter, pipeline.spec.source.filter)


def _open(
    loaded: Loaded, base: Path, schema: Mapping[str, object], value: Mapping[str, object]
) -> Iterator[Problem]:
    for found in config_problems(schema, value):
        path = (*base, *found.path)
        message, hint = found.message, found.suggestion
        yield at(loaded, path, message, hint, Code.BAD_CONFIG, key=found.of_key)


def _fields(loaded: Loaded, pipeline: SyncPipeline, manifest: Manifest) -> Iterator[Problem]:
    known = manifest.field_names(pipeline.spec.entity)
    if not known:
        return
    mapping = pipeline.spec.mapping
    named: list[tuple[Path, str]] = [
        (("spec", "mapping", "set", name), name) for name in mapping.set
    ]
    for attribute, alias in (("owns", "owns"), ("create_only", "createOnly")):
        named += [
            (("spec", "mapping", alias, number), name)
            for number, name in enumerate(getattr(mapping, attribute))
        ]
    for number, guard in enumerate(mapping.guards):  # one that is misspelled would watch nothing
        for alias, field in (("field", guard.field), ("orElse", guard.or_else)):
            if field is not None:
                named.append((("spec", "mapping", "guards", number, alias), field))
    for path, name in named:
        if name not in known:
            text = f"{pipeline.spec.entity} at {manifest.id} have no field {name!r}"
            yield at(
                loaded,
                path,
                text,
                closest(name, known),
                Code.UNKNOWN_DESTINATION_FIELD,
                key=path[-1] == name,
            )
