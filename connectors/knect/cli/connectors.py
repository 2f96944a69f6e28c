"""`knect connectors`: what is installed and what each can do, from manifests alone.

Must not: import a connector.
"""

from collections.abc import Sequence

import click

from knect.api.manifest import EntityManifest, Manifest
from knect.cli.documents import installed_catalog
from knect.cli.entity import print_config, print_entity
from knect.cli.failure import NOT_FOUND, CommandError
from knect.cli.output import emit, output_option, say, table

__all__ = ["connectors"]


@click.command()
@click.argument("name", required=False)
@click.argument("entity", required=False)
@output_option
def connectors(name: str | None, entity: str | None, output: str) -> int:
    """List the connectors (-o wide: what each does with each entity).

    With a NAME: its config, the keys of its Secret, how it writes. With an ENTITY, too: what a
    pipeline may read, filter, set and write.
    """
    catalog = installed_catalog()
    if name is not None and name not in catalog:
        known = ", ".join(catalog)
        raise CommandError(f"there is no connector {name!r}; known: {known}", code=NOT_FOUND)
    chosen = [catalog[one] for one in catalog if name in (None, one)]
    if entity is not None and entity not in chosen[0].entities:
        known = ", ".join(sorted(chosen[0].entities))
        raise CommandError(f"{name} has no {entity!r}; it has: {known}", code=NOT_FOUND)
    if output in ("json", "yaml"):
        emit([one.model_dump(mode="json", by_alias=True) for one in chosen], output)
        return 0
    if name is None and output == "wide":
        _matrix(chosen)
        return 0
    if name is None:
        rows = [
            [
                one.id,
                one.title,
                " ".join(sorted(e for e, can in one.entities.items() if can.read)),
                " ".join(sorted(e for e, can in one.entities.items() if can.write)),
                one.api_version.current,
            ]
            for one in chosen
        ]
        table(["ID", "TITLE", "READS", "WRITES", "API VERSION"], rows)
        return 0
    one = chosen[0]
    if entity is not None:
        print_entity(one, entity)
        return 0
    say(f"{one.title} ({one.id}): {one.summary}")
    say(f"  Entities: {', '.join(one.entities)}; about one: knect connectors {one.id} ENTITY")
    print_config(one)
    writes = [
        [key, write.entity, write.once.value, str(write.max_batch)]
        for key, write in one.writes.items()
    ]
    table(["WRITE", "ENTITY", "MADE ONCE BY", "BATCH"], writes, indent="  ")
    rules = [
        [rule, state if isinstance(state, str) else f"exempt: {state.exempt}"]
        for rule, state in one.quality.items()
    ]
    table(["RULE", "STATE"], rows=rules, indent="  ")
    return 0


def _matrix(chosen: Sequence[Manifest]) -> None:
    """Print what each connector does with each entity."""
    names = sorted({entity for one in chosen for entity in one.entities})
    rows = [[name, *(_directions(one.entities.get(name)) for one in chosen)] for name in names]
    table(["ENTITY", *(one.id.upper() for one in chosen)], rows)
    if any(can.webhook for one in chosen for can in one.entities.values()):
        say("* told by webhook, too")


def _directions(can: EntityManifest | None) -> str:
    if can is None:
        return "-"
    read = "read*" if can.webhook else "read"
    return " ".join(word for word, does in ((read, can.read), ("write", can.write)) if does)
