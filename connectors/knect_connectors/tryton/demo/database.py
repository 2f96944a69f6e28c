"""Databases of a freshly set-up Tryton, from a cache.

Why: activating the modules takes half a minute and setting up a company some seconds; copying a
file takes none. Both results are kept, by a hash of all that shapes them: the versions of
Tryton's packages, the modules, the set-up program, and the company.
Must not: hand out the cached file itself; every user gets a copy.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import msgspec

from knect_connectors.tryton.demo.company import DemoCompany

__all__ = ["ADMINISTRATOR", "TrytonUnavailable", "make_database", "warm", "write_configuration"]

#: Activated with what they depend on. A change here makes a new database, by the hash.
MODULES = (
    "sale",
    "sale_shipment_cost",
    "web_shop",
    "product_attribute",
    "product_image",
    "product_price_list_dates",
    "sale_price_list",
    "account_payment",
    "sale_amendment",
    "stock_package_shipping",
)
_PACKAGES = ("trytond", "proteus", *(f"trytond-{name.replace('_', '-')}" for name in MODULES))
#: The database's own administrator, for those who want to look around; Knect is never it.
ADMINISTRATOR = ("admin", "administrator-of-the-demo")


class TrytonUnavailable(Exception):
    """Tryton is not installed here, or would not set itself up; one sentence says why."""


def cache_folder() -> Path:
    """Return `KNECT_CACHE`, else `knect` in the user's cache folder; made if it is not there."""
    named = os.environ.get("KNECT_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(named) if named else Path(home) / "knect"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_database(company: DemoCompany, destination: Path) -> None:
    """Put a database of the company at `destination` (a `.sqlite` file). Raises TrytonUnavailable.

    Takes milliseconds when cached, ten seconds for a new company, a minute the first time.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{destination}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(_company_database(company), destination)


def warm() -> None:
    """Do the slow part, common to all companies, if it is not cached. Raises TrytonUnavailable."""
    _modules_database()


def write_configuration(folder: Path, listen: str = "127.0.0.1:0") -> Path:
    """Write trytond's configuration for databases in `folder`; return its path."""
    path = folder / "trytond.conf"
    path.write_text(
        "[database]\n"
        "uri = sqlite://\n"
        f"path = {folder}\n"
        # SQLite has one writer; a call that meets another's write is tried again by trytond.
        "retry = 20\n"
        "database_mixins =\n"
        "    knect_connectors.tryton.demo.connections.KeptConnections\n"
        "[web]\n"
        f"listen = {listen}\n"
        # As in production: confirmed sales are processed later, by a worker, not inside our call.
        "[queue]\n"
        "worker = True\n"
        "[session]\n"
        "timeout = 3600\n",
        encoding="utf-8",
    )
    return path


def _modules_key() -> str:
    try:
        versions = [f"{name}={metadata.version(name)}" for name in _PACKAGES]
    except metadata.PackageNotFoundError as error:
        raise TrytonUnavailable(
            f"{error.name} is not installed: `uv sync --extra tryton`"
        ) from None
    return _digest(*(text.encode() for text in (*versions, *MODULES)))


def _modules_database() -> Path:
    def build(path: Path, folder: Path) -> None:
        configuration = write_configuration(folder)
        password = folder / "password"
        password.write_text(ADMINISTRATOR[1], encoding="utf-8")
        path.touch()  # without it: "Database doesn't exist"
        admin = [sys.executable, "-c", "from trytond.cli.admin import main; main()"]
        admin += ["-c", str(configuration), "-d", path.stem]
        admin += ["--administrator", "--email", "demo@example.com"]
        extra = {"TRYTONPASSFILE": str(password)}
        _run([*admin, "--all"], environment=extra)
        _run([*admin, "-u", *MODULES, "--activate-dependencies"], environment=extra)

    return _cached(f"tryton-modules-{_modules_key()}", build)


def _company_database(company: DemoCompany) -> Path:
    here = Path(__file__).parent
    names = ("setup.py", "company.py", "goods.py", "shipping.py")
    source = [(here / name).read_bytes() for name in names]
    values = msgspec.json.encode(company, order="deterministic")

    def build(path: Path, folder: Path) -> None:
        shutil.copyfile(_modules_database(), path)
        configuration = write_configuration(folder)
        program = [sys.executable, "-m", "knect_connectors.tryton.demo.setup"]
        _run([*program, str(configuration), path.stem], standard_input=values)

    return _cached(f"tryton-{_digest(_modules_key().encode(), *source, values)}", build)


def _cached(name: str, build: Callable[[Path, Path], None]) -> Path:
    kept = cache_folder() / f"{name}.sqlite"
    if kept.exists():
        return kept
    with _only_one(name):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
                made = Path(folder) / "knect.sqlite"
                build(made, Path(folder))
                made.replace(kept)
    return kept


@contextmanager
def _only_one(name: str) -> Iterator[None]:
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(
    command: list[str],
    *,
    environment: dict[str, str] | None = None,
    standard_input: bytes = b"",
) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter with our own arguments
        command,
        input=standard_input,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise TrytonUnavailable(f"setting up Tryton failed: {' '.join(tail)}")


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
