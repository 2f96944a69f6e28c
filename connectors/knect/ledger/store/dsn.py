"""The address of a PostgreSQL ledger, as people write it for libpq.

    postgresql://user:password@host:5432/database?schema=acme&sslmode=verify-full&sslrootcert=/ca.crt

Why: what is wrong with an address must be said before anything is dialled, and by the name of the
parameter. Must not: let the password into a message, a repr or a log line; connect.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from knect.ledger.store.errors import LedgerMisnamed

__all__ = ["DEFAULT_PORT", "PostgresDsn", "is_postgres", "parse_dsn"]

_SCHEMES = ("postgresql", "postgres")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
DEFAULT_PORT = 5432
#: PostgreSQL cuts names after so many bytes; two schemas must not become one by that.
_LONGEST_NAME = 63
_EXAMPLE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE?schema=NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDsn:
    """A checked address. Files are paths as given; nothing was opened."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    database: str
    schema: str = "knect"
    sslmode: str = "prefer"
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    connect_timeout: int = 10
    pgbouncer: bool = False

    @property
    def name(self) -> str:
        """What people call it in messages: no user, no password."""
        return f"the ledger database {self.database} at {self.host}:{self.port} ({self.schema})"

    def tls(self) -> ssl.SSLContext | str:
        """Return what the driver is given. Raises LedgerMisnamed for a file that cannot be read.

        As libpq does it: `require` checks the certificate if an authority is named, `verify-ca`
        always does, only `verify-full` compares the host name.
        """
        if self.sslmode in ("disable", "allow", "prefer"):
            return self.sslmode
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.sslmode == "verify-full"
        if self.sslmode == "require" and self.sslrootcert is None:
            context.verify_mode = ssl.CERT_NONE
        elif self.sslrootcert in (None, "system"):
            context.load_default_certs()
        else:
            with _readable("sslrootcert", self.sslrootcert):
                context.load_verify_locations(cafile=self.sslrootcert)
        if self.sslcert is not None:
            with _readable("sslcert", self.sslcert), _readable("sslkey", self.sslkey):
                context.load_cert_chain(self.sslcert, self.sslkey)
        return context


class _readable:  # noqa: N801 - reads as a word of the `with` statement
    """Turns trouble with a file into a sentence that names the parameter and the path."""

    def __init__(self, parameter: str, path: str | None) -> None:
        self._parameter = parameter
        self._path = path

    def __enter__(self) -> None:
        if self._path is not None and not Path(self._path).is_file():
            raise _wrong(self._parameter, f"there is no file {self._path}")

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | ssl.SSLError):
            raise _wrong(
                self._parameter, f"{self._path} is no certificate or key that can be read"
            ) from None


def is_postgres(dsn: str) -> bool:
    """Tell whether a DSN names a database server rather than a file."""
    return dsn.partition(":")[0].lower().startswith("postgres") and "://" in dsn


def parse_dsn(dsn: str) -> PostgresDsn:
    """Return the checked address. Raises LedgerMisnamed with the name of what is wrong."""
    if "#" in dsn:
        raise _wrong("password", "write `#` within it as %23 (and `/` as %2F, `@` as %40)")
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        raise _wrong("port", "it is no number from 1 to 65535, or the address is cut off") from None
    if parts.scheme not in _SCHEMES:
        raise _wrong("scheme", f"{parts.scheme!r} is not understood, only postgresql")
    if "," in parts.netloc:
        raise _wrong("host", "only one is understood; use a name that moves on a fail-over")
    if not parts.hostname:
        raise _wrong("host", "it is missing")
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise _wrong("database", "it is missing, or `/` is within it; it stands after the port")
    return PostgresDsn(
        host=parts.hostname,
        port=port or DEFAULT_PORT,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=database,
        **_parameters(parts.query),  # type: ignore[arg-type]  # each is checked by its own reader
    )


def _parameters(query: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        reader = _READERS.get(name)
        if reader is None:
            raise _wrong(name, f"it is unknown; known are {', '.join(sorted(_READERS))}")
        if name in found:
            raise _wrong(name, "it is given twice")
        found[name] = reader(name, value)
    if ("sslkey" in found) != ("sslcert" in found):
        raise _wrong("sslcert", "sslcert and sslkey go together")
    return found


def _schema(name: str, value: str) -> str:
    if not value or len(value.encode()) > _LONGEST_NAME or re.search(r'["\x00]', value):
        raise _wrong(name, f"a name of 1 to {_LONGEST_NAME} bytes without quotes is needed")
    if value.startswith("pg_") or value == "information_schema":
        raise _wrong(name, f"{value} belongs to PostgreSQL itself")
    return value


def _ssl_mode(name: str, value: str) -> str:
    if value not in _SSL_MODES:
        raise _wrong(name, f"{value!r} is none of {', '.join(_SSL_MODES)}")
    return value


def _path(name: str, value: str) -> str:
    if not value:
        raise _wrong(name, "the path is missing")
    return value


def _seconds(name: str, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 600:
        raise _wrong(name, f"{value!r} is no number of seconds from 1 to 600")
    return int(value)


def _yes_no(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise _wrong(name, f"{value!r} is neither true nor false")
    return value == "true"


_READERS: Mapping[str, Callable[[str, str], object]] = {
    "schema": _schema,
    "sslmode": _ssl_mode,
    "sslrootcert": _path,
    "sslcert": _path,
    "sslkey": _path,
    "connect_timeout": _seconds,
    "pgbouncer": _yes_no,
}


def _wrong(parameter: str, what: str) -> LedgerMisnamed:
    return LedgerMisnamed(f"the ledger's DSN, {parameter}: {what}; write it as {_EXAMPLE}")
