"""The entry point: the table of commands, and the one place where failures become sentences.

Must not: import anything heavy; a command's module is imported when it is called.
"""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, TextIO

import click

from knect.cli.failure import (
    BAD_INPUT,
    FAILED,
    INTERRUPTED,
    NO_RIGHTS,
    NOT_FOUND,
    CommandError,
    last_words,
)

__all__ = ["cli", "main"]

#: name -> (module:command, help in one line); `--help` needs no more than this table.
_COMMANDS = {
    "activity": ("knect.cli.activity:activity", "Who did what, when and why."),
    "approve": ("knect.cli.act:approve", "Let pass what a guard or an admit rule holds."),
    "api": ("knect.cli.gateway:api", "Answer people in a cluster (what the chart starts)."),
    "audit": ("knect.cli.history:audit", "Judge a history: request logs of both ends, ledger."),
    "backfill": ("knect.cli.backfill:backfill", "Read older history of a pipeline's source."),
    "check": ("knect.cli.check:check", "Check versions, credentials, rights, ledger, collector."),
    "connections": (
        "knect.cli.connections:connections",
        "Does each system answer? What hangs on it?",
    ),
    "connectors": ("knect.cli.connectors:connectors", "List the connectors and what they can do."),
    "console": ("knect.cli.console:console", "Find, explain and mend in a browser."),
    "diagram": ("knect.cli.diagram:diagram", "Draw the systems, what flows, and where it stops."),
    "edit": ("knect.cli.act:edit", "Set fields of a record, and deliver it so."),
    "explain": ("knect.cli.explain:explain", "Why does the shop say 7? Every term of a number."),
    "find": ("knect.cli.find:find", "Where is 1001? By number, e-mail, SKU or ERP document."),
    "list": ("knect.cli.list:list_", "Which are they? By fate, reason and time."),
    "operator": ("knect_operator.__main__:operator", "Run the control plane (in a cluster)."),
    "plan": ("knect.cli.plan:plan", "What would change, field by field; nothing is written."),
    "receiver": ("knect.cli.pods:receiver", "Take webhooks (what the operator starts)."),
    "reconcile": ("knect.cli.pipelines:reconcile", "Read a pipeline's source now (in a cluster)."),
    "replay": ("knect.cli.act:replay", "Deliver transactions anew, as new transactions."),
    "resume": ("knect.cli.pipelines:resume", "Let a suspended pipeline work (in a cluster)."),
    "retry": ("knect.cli.act:retry", "Try stopped transactions again, now."),
    "run": ("knect.cli.run:run", "Run pipelines from files, once or with --follow."),
    "show": ("knect.cli.show:show", "One transaction: story, effects, calls, payloads."),
    "simulate": ("knect.cli.simulate:simulate", "Start a simulated platform on this machine."),
    "skip": ("knect.cli.act:skip", "End stopped transactions for good."),
    "status": ("knect.cli.status:status", "Does it add up? The equation, per pipeline."),
    "stuck": ("knect.cli.stuck:stuck", "What is stopped, grouped by cause."),
    "suspend": ("knect.cli.pipelines:suspend", "Let a pipeline pause (in a cluster)."),
    "unmapped": ("knect.cli.unmapped:unmapped", "Values a destination does not know; map them."),
    "validate": ("knect.cli.validate:validate", "Check files; all problems at once."),
    "worker": ("knect.cli.pods:worker", "Run a worker document (what the operator starts)."),
}

#: What can be asked of, or done in, a cluster.
_IN_CLUSTER = frozenset(
    (
        "activity approve connections console diagram edit explain find list reconcile replay"
        " resume retry show skip status stuck suspend unmapped"
    ).split()
)

#: The options that name a cluster; commands that ask one take them, too.
_WHERE = ("context", "namespace", "kubeconfig", "api_namespace", "api_service")

#: How often Python looks for cycles. At its own pace it walks again and again through everything
#: that is being imported, which is a sixth of what a short command takes, and through the records
#: in hand, which was a fifth of what a long one takes.
_GC_PACE = (100_000, 20, 100)

#: So much of a file's name is said.
_LONGEST_NAME = 100

#: `kubectl knect`: kubectl looks for a program of this name.
PLUGIN = "kubectl-knect"

#: module that may be missing -> the extra that brings it
_EXTRAS = {
    "asyncpg": "postgres",
    "jinja2": "console",
    "kopf": "operator",
    "kubernetes": "operator",
    "markupsafe": "console",
}


class _Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(str(error.name).partition(".")[0])
            if extra is None:
                raise
            raise CommandError(
                f"knect {cmd_name} needs {error.name}, which is not installed; "
                f"install knect[{extra}]",
                code=BAD_INPUT,
            ) from None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - only for a typing mistake

            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "; see `knect --help`"
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        if args and any(ctx.obj["where"].values()) and args[0] not in _IN_CLUSTER:
            ctx.fail(f"`knect {args[0]}` is not done in a cluster; leave out --context and -n")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Note where commands are to look, before one is called."""
        given = {name: ctx.params.pop(name) for name in _WHERE}
        ctx.obj = {"where": given, "plugin": ctx.info_name == PLUGIN}
        return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="knect", message="knect %(version)s")
@click.option("--context", metavar="NAME", help="Ask the cluster of this kubectl context.")
@click.option("-n", "--namespace", metavar="NAME", help="The namespace in that cluster.")
@click.option("--kubeconfig", metavar="FILE", help="Where contexts are; default: as kubectl.")
@click.option("--api-namespace", metavar="NAME", help="Where knect api is. [knect-system]")
@click.option("--api-service", metavar="NAME", help="The Service of knect api. [knect-api]")
def cli() -> None:
    """Keeps shops, CRM and e-mail marketing in step with the ERP.

    Every transaction is accounted for; if one stopped, `knect find` says where, since when,
    because of which field and value, and who has to act.

    Without a cluster the ledger of the last run here is asked; with --context, -n or KNECT_API
    the `knect api` of a cluster, with your own rights there.
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    gc.set_threshold(*_GC_PACE)
    _open_streams()
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib is not needed for --help
    sys.exit(_run(argv, PLUGIN if name == PLUGIN else "knect"))


def _open_streams() -> None:
    """Let every text be written: also where nobody reads, or the terminal knows fewer letters."""
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - as long as the process


def _run(argv: list[str] | None, name: str = "knect") -> int:
    try:
        _refuse_unreadable(sys.argv[1:] if argv is None else argv)
        code = cli.main(args=argv, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was in hand was given back", err=True)
        return INTERRUPTED
    except CommandError as error:
        _say(str(error))
        return error.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _explain(error) if isinstance(error, TimeoutError) else _refused_by_machine(error)
    except Exception as error:  # noqa: BLE001 - the last place before a traceback
        return _explain(error)
    return code if isinstance(code, int) else 0


def _refuse_unreadable(words: Sequence[str]) -> None:
    """Refuse words that are no text: no ledger can hold them, and no terminal show them."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            raise CommandError(
                f"{shown!r} is not UTF-8; type it anew, or look at the locale of this terminal",
                code=BAD_INPUT,
            ) from None


def _say(sentence: str) -> None:
    """Say why it failed: to who started this, and where a pod's last words are read."""
    from knect.people.texts import visible  # noqa: PLC0415 - only on failure

    last_words(sentence)
    click.echo(visible(sentence), err=True)


def _refused_by_machine(error: OSError) -> int:
    """Say what this machine refused: a full disk, a name it cannot have."""
    if os.environ.get("KNECT_DEBUG"):
        raise error
    what = f": {str(error.filename)[:_LONGEST_NAME]}" if error.filename else ""
    _say(
        f"this machine refused{what}: {error.strerror or type(error).__name__}. Nothing that was "
        "committed is lost."
    )
    return FAILED


#: What a refusal ends a command with; everything else is a failure.
_REFUSED = {400: BAD_INPUT, 401: NO_RIGHTS, 403: NO_RIGHTS, 404: NOT_FOUND, 413: BAD_INPUT}


def _explain(error: Any) -> int:
    from knect.gateway.refusal import Refusal  # noqa: PLC0415 - only on failure
    from knect.ledger import LedgerError  # noqa: PLC0415 - only on failure
    from knect.sdk.errors import ConnectorError  # noqa: PLC0415

    if isinstance(error, LedgerError | ConnectorError):
        _say(str(error))
        return FAILED
    if isinstance(error, Refusal):
        _say(str(error))
        return _REFUSED.get(error.status, FAILED)
    sentence = f"Knect itself failed: {type(error).__name__}. Nothing that was committed is lost."
    last_words(sentence)
    if os.environ.get("KNECT_DEBUG"):
        raise error
    click.echo(
        f"{sentence} Run it again with KNECT_DEBUG=1 to see where, and report that.", err=True
    )
    return FAILED
