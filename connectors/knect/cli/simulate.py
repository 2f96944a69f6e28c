"""`knect simulate NAME`: a simulated platform on this machine, speaking its real wire format.

Must not: listen anywhere but on loopback unless `--host` says so (a pod must), or know a platform;
a connector brings its simulator.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from knect.cli.documents import installed_catalog
from knect.cli.failure import BAD_INPUT, NOT_FOUND, CommandError

__all__ = ["simulate"]


@click.command()
@click.argument("name", required=False)
@click.argument("options", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: any free port."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 in a pod.")
@click.option("--url", default="", help="How others reach it, where that differs.")
@click.option("--log", type=click.Path(path_type=Path), help="Request log, JSON lines.")
@click.option("--fault", multiple=True, metavar="KIND=RATE", help="e.g. 5xx=0.08; repeatable.")
def simulate(
    name: str | None,
    options: tuple[str, ...],
    port: int,
    host: str,
    url: str,
    log: Path | None,
    fault: tuple[str, ...],
) -> int:
    """Start a simulated platform; `knect simulate` alone lists them and their options."""
    catalog = installed_catalog()
    modules = {one: f"{catalog.connector(one).package}.simulator" for one in catalog}
    there = {one: module for one, module in modules.items() if find_spec(module)}
    if name is None:
        for one, module in there.items():
            click.echo(one)
            for option, meaning in import_module(f"{module}.start").OPTIONS.items():
                click.echo(f"  {option:<14} {meaning}")
        return 0
    if name not in there:
        known = ", ".join(there) or "none"
        raise CommandError(f"{name!r} has no simulator; there are: {known}", code=NOT_FOUND)
    try:
        start = import_module(f"{there[name]}.start")
    except ImportError as error:
        raise CommandError(
            f"the simulator of {name} needs the package {error.name}: install knect[simulators]"
        ) from None
    from knect.sdk.testing import FaultPlan  # noqa: PLC0415 - the test kit only when asked for

    given = dict(_pair(text) for text in options)
    try:
        rates = {kind: float(rate) for kind, rate in map(_pair, fault)}
        plan = FaultPlan(rates, seed=int(given.get("seed", "7")))
        simulator = start.open_simulator(given)
    except ValueError as error:
        raise CommandError(str(error), code=BAD_INPUT) from None
    try:
        start.serve(simulator, port=port, faults=plan, log_path=log, host=host, url=url)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CommandError(
            f"{host}:{port} cannot be listened on: {why}; name another --port, or 0 for any"
        ) from None
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"{text!r} is not NAME=VALUE", code=BAD_INPUT)
    return name, value
