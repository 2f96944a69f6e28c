"""A real Tryton for the tests: one database per use, copied from the cache."""

from tests.support.real.require import Unavailable

__all__ = ["ensure_tryton"]


def ensure_tryton() -> None:
    """Make sure databases can be had quickly (the first time takes a minute)."""
    try:
        from knect_connectors.tryton.demo import (  # noqa: PLC0415 - needs the extra `tryton`
            TrytonUnavailable,
            warm,
        )
    except ImportError as error:
        raise Unavailable(f"the connector cannot be imported: {error}") from error
    try:
        warm()
    except TrytonUnavailable as error:
        raise Unavailable(str(error)) from error
