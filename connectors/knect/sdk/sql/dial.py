"""Making the connection: the address guard, then the driver's log-in over our socket.

Must not: keep the password beyond the call, or connect where the guard did not look.
"""

import asyncio
import logging
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from knect.sdk.errors import Fatal, Unreachable
from knect.sdk.http import Egress
from knect.sdk.http.names import HANGS, Names, ResolveResult
from knect.sdk.secret import Secret
from knect.sdk.sql.names import is_of_host
from knect.sdk.sql.wire import Wire
from knect.seams import Clock

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Login", "dial", "driver", "log_in"]


#: Where Debian, Red Hat and Alpine keep theirs.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


#: After a try that failed the driver sleeps for what is left of its time, where nothing can wake
#: it, and then says that the time is over. The time is the wire's to keep.
_NO_SECOND_TRY = 0.0


class Login(Struct, frozen=True, kw_only=True):
    """Where and as whom. `certificate_name`: what the server's certificate says, if not `host`.

    `authority`: PEM of the authority to trust instead of the system's. `plain`: no encryption at
    all, which somebody declared.
    """

    host: str
    port: int
    database: str
    certificate_name: str = ""
    authority: str = ""
    plain: bool = False
    connect_seconds: float = 10.0


def driver() -> "ModuleType":
    """Return the driver. Raises Fatal with what to install."""
    try:
        import OpenSSL  # noqa: F401, PLC0415 - the driver's encryption, only when it is needed
        import pytds.tls  # noqa: PLC0415 - an extra: most installations speak to no SQL Server
    except ImportError as error:
        raise Fatal(
            f"the package {error.name} is missing: pip install knect[mssql], or build the image"
            " with --build-arg EXTRAS=mssql",
            code="DriverMissing",
            could_have_been_seen=False,
        ) from None
    pytds.tls.validate_host = is_of_host  # see `names`
    # It says of each log-in that fails that it took longer than no time; see `_NO_SECOND_TRY`.
    logging.getLogger("pytds").setLevel(logging.ERROR)
    module: ModuleType = pytds
    return module


async def dial(egress: Egress, login: Login, clock: Clock, names: Names) -> Wire:
    """Connect to the first address of the host that is allowed and answers."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(login.connect_seconds):
            found = await names.resolve(login.host, login.port, socket.AF_UNSPEC)
            return Wire(await _first(loop, egress, login, found), clock)
    except TimeoutError:
        why = HANGS if names.hangs(login.host) else "no connection in time"
        raise Unreachable(f"{login.host}:{login.port}: {why}", could_have_been_seen=False) from None
    except OSError as error:
        raise Unreachable(
            f"{login.host}:{login.port}: cannot connect: {error.strerror or error}",
            could_have_been_seen=False,
        ) from None


async def _first(
    loop: asyncio.AbstractEventLoop, egress: Egress, login: Login, found: list[ResolveResult]
) -> socket.socket:
    failure: OSError | None = None
    for one in found:
        address = one["host"]
        if not egress.is_allowed(login.host, address):
            raise Fatal(
                f"{login.host} is at {address}, which is not a public address; allow it with"
                " `worker.egressAllow` (chart) or `--allow HOST` (command line), or correct"
                " config.host",
                path="config.host",
                value=login.host,
                could_have_been_seen=False,
            )
        made = socket.socket(one["family"], socket.SOCK_STREAM, one["proto"])
        try:
            made.settimeout(0)
            await loop.sock_connect(made, (address, one["port"]))
        except OSError as error:
            made.close()
            failure = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise failure or OSError("the host has no address")


def _authorities() -> str:
    """Return the system's file of authorities. Without one the driver would not encrypt at all."""
    for name in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if name and Path(name).is_file():
            return name
    raise Fatal(
        "this machine has no file of certificate authorities, so no server can be checked; install"
        " ca-certificates, or give config.certificateAuthority",
        path="config.certificateAuthority",
        could_have_been_seen=False,
    )


def log_in(login: Login, wire: Wire, user: Secret, password: Secret) -> Any:
    """Return the driver's connection. Blocks; raises what the driver raises."""
    given: dict[str, Any] = {}
    folder: tempfile.TemporaryDirectory[str] | None = None
    if not login.plain:
        if login.authority:  # the driver takes a file only
            folder = tempfile.TemporaryDirectory(prefix="knect-ca-")
            path = Path(folder.name) / "ca.pem"
            path.write_text(login.authority, encoding="ascii")
            given["cafile"] = str(path)
        else:
            given["cafile"] = _authorities()
    try:
        return driver().connect(
            dsn=login.certificate_name or login.host,
            port=login.port,
            database=login.database,
            user=user.reveal(),
            password=password.reveal(),
            appname="Knect",
            login_timeout=_NO_SECOND_TRY,
            disable_connect_retry=True,
            autocommit=True,
            sock=wire,
            **given,
        )
    except TimeoutError as error:
        raise error.__cause__ or error from None  # what came of the one try there was
    finally:
        if folder is not None:
            folder.cleanup()
