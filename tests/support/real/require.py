"""What a test does when a real part (a Tryton, a Jaeger, a PostgreSQL) cannot be had on this machine.

Why: a laptop without Go should still run the other tests; a build server must never pass because
it left something out. `KNECT_REQUIRE=tryton,postgres,jaeger` turns each such gap into a failure.
Must not: swallow any other error; a part that starts and then misbehaves fails the test.
"""

import os
from typing import NoReturn

import pytest

__all__ = ["Unavailable", "require", "unavailable"]

#: Every part a test may ask for.
PARTS = ("chromium", "cluster", "jaeger", "postgres", "specs", "tryton")


class Unavailable(Exception):
    """A real part cannot be had here; the text says what is missing, in one sentence."""


def _required() -> frozenset[str]:
    names = frozenset(filter(None, os.environ.get("KNECT_REQUIRE", "").split(",")))
    unknown = names - set(PARTS)
    if unknown:
        raise ValueError(f"KNECT_REQUIRE names {sorted(unknown)}; known parts: {PARTS}")
    return names


def unavailable(part: str, reason: str) -> NoReturn:
    """Fail if `KNECT_REQUIRE` names the part, else skip the test, with the reason."""
    if part in _required():
        pytest.fail(f"{part} is required by KNECT_REQUIRE and cannot be had: {reason}")
    pytest.skip(f"{part} cannot be had here: {reason}")


def require(part: str) -> None:
    """Make sure the part is on this machine, building it on first use."""
    if part not in PARTS:
        raise ValueError(f"no real part is called {part!r}; known parts: {PARTS}")
    if part == "specs":  # read by the tests that compare with vendors' own files
        return
    # Imported late: each part pulls in packages the other tests can do without.
    try:
        if part == "chromium":
            from tests.support.real.chromium import ensure_chromium  # noqa: PLC0415 - see above

            ensure_chromium()
        elif part == "cluster":
            from tests.support.cluster.control_plane import (  # noqa: PLC0415 - see above
                ensure_control_plane,
            )

            ensure_control_plane()
        elif part == "jaeger":
            from tests.support.real.jaeger import ensure_jaeger  # noqa: PLC0415 - see above

            ensure_jaeger()
        elif part == "postgres":
            from tests.support.real.postgres import ensure_postgres  # noqa: PLC0415 - see above

            ensure_postgres()
        else:
            from tests.support.real.tryton import ensure_tryton  # noqa: PLC0415 - see above

            ensure_tryton()
    except Unavailable as error:
        unavailable(part, str(error))
