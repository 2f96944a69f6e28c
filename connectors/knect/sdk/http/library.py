"""The one line that names the HTTP library.

Why: httpx is what connectors see; httpx2 continues it with the same API. The swap is this line,
and the tests of this package run on both so that it stays one line.
Must not: hold anything else, or be imported outside `knect.sdk.http`.
"""

import sys

# Without its command line, which loads rich and pygments: 60 ms of every start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx as library  # noqa: E402

__all__ = ["library"]
