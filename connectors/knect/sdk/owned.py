"""What of a document a pipeline has to own, for there to be anything to write.

Why: `mapping.owns` and `mapping.createOnly` may leave out what a system cannot do without; every
connector says so in the same words. Must not: know a system.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from knect.sdk.errors import Fatal

__all__ = ["require_owned"]


def require_owned(document: Mapping[str, Any], what: str, names: Iterable[str]) -> None:
    """Raise Fatal, at the path of the first, where fields of the document are not there."""
    if missing := [name for name in names if name not in document]:
        raise Fatal(
            f"{what} cannot be written without {', '.join(missing)}; add it to mapping.owns, or"
            " take it out of mapping.createOnly",
            path=f"mapping.owns.{missing[0]}",
        )
