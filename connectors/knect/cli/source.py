"""Whom a command asks: the ledger on this machine, or the `knect api` of a cluster.

Why: a person says *which* cluster and namespace, as to kubectl, and the command does not care.
Must not: open anything before it is asked, or go to a cluster nobody named.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

import click
from msgspec import Struct, structs

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import ledger_option
from knect.people.source import Source

__all__ = ["Chosen", "Where", "chosen", "source_options", "where_options"]


class Where(Struct, frozen=True, kw_only=True):
    """Which cluster and namespace; all None: none was named."""

    context: str | None = None
    namespace: str | None = None
    kubeconfig: str | None = None
    api_namespace: str | None = None
    api_service: str | None = None

    @property
    def named(self) -> bool:
        """True if anything of it was given."""
        return any(getattr(self, name) is not None for name in self.__struct_fields__)

    def over(self, other: "Where") -> "Where":
        """Return this, with what it lacks taken from `other`."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return structs.replace(other, **{k: v for k, v in given.items() if v is not None})


class Chosen(Struct, frozen=True, kw_only=True):
    """Whom this command asks."""

    ledger: str | None
    where: Where
    in_cluster: bool

    @property
    def named(self) -> bool:
        """True if a ledger or a cluster was named."""
        return self.ledger is not None or self.where.named

    def on_ledger(self, ledger: str) -> "Chosen":
        """Return the same on a ledger that was found out otherwise."""
        return structs.replace(self, ledger=ledger, in_cluster=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Source]:
        """Reach it; what was started for that is ended at the end."""
        if self.in_cluster:
            from knect.cli.afar import reached  # noqa: PLC0415 - only for a cluster

            async with reached(self.where) as source:
                yield source
        else:
            from knect.cli.beside import LedgerHere  # noqa: PLC0415 - only without a cluster

            yield LedgerHere(self.ledger)


_WHERE = (
    click.option("--context", metavar="NAME", help="Ask the cluster of this kubectl context."),
    click.option("-n", "--namespace", metavar="NAME", help="The namespace in that cluster."),
    click.option("--kubeconfig", metavar="FILE", help="Where contexts are; default: as kubectl."),
    click.option("--api-namespace", metavar="NAME", help="Where knect api is. [knect-system]"),
    click.option("--api-service", metavar="NAME", help="The Service of knect api. [knect-api]"),
)


def where_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say which cluster and namespace."""
    for option in reversed(_WHERE):
        command = option(command)
    return command


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command say whom it asks; it is called with `source`, a `Chosen`."""

    @wraps(command)
    def called(*args: Any, ledger: str | None, **options: Any) -> int:
        return command(*args, source=chosen(ledger, options), **options)

    found: Callable[..., int] = ledger_option(where_options(called))
    return found


def chosen(ledger: str | None, options: dict[str, Any]) -> Chosen:
    """Take the cluster's options out of `options`; return whom to ask. Raises CommandError."""
    own = Where(**{name: options.pop(name) for name in Where.__struct_fields__})
    root = click.get_current_context().find_root().obj or {}
    where = own.over(Where(**root.get("where", {})))
    if ledger is not None and where.named:
        raise CommandError(
            "--ledger asks a ledger, --context and -n ask a cluster; give one of them",
            code=BAD_INPUT,
        )
    named = where.named or bool(os.environ.get("KNECT_API")) or bool(root.get("plugin"))
    return Chosen(ledger=ledger, where=where, in_cluster=ledger is None and named)
