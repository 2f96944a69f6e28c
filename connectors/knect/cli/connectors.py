"""`knect connectors`: what is installed and what each can do, from manifests alone.

Must not: import a connector.
"""

import click

from knect.cli.documents import installed_catalog
from knect.cli.failure import NOT_FOUND, CommandError
from knect.cli.output import emit, output_option, say, table

__all__ = ["connectors"]


@click.command()
@click.argument("name", required=False)
@output_option
def connectors(name: str | None, output: str) -> int:
    """List the connectors; with a NAME, everything about one."""
    catalog = installed_catalog()
    if name is not None and name not in catalog:
        known = ", ".join(catalog)
        raise CommandError(f"there is no connector {name!r}; known: {known}", code=NOT_FOUND)
    chosen = [catalog[one] for one in catalog if name in (None, one)]
    if output in ("json", "yaml"):
        emit([one.model_dump(mode="json", by_alias=True) for one in chosen], output)
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
    say(f"{one.title} ({one.id}): {one.summary}")
    say(f"  Secret keys: {', '.join(key.key for key in one.credentials) or 'none'}")
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
