"""What the operator asks of an API server.

    KubeError
    ├── NotFound      it is not there (404)
    ├── Conflict      somebody was faster (409)
    │   ├── Contested somebody changes it back each time it is put right
    │   └── Taken     an object of this name is there, and is not ours
    ├── Forbidden     the operator's role does not allow it, or a quota or policy forbids it (403)
    ├── Refused       the object itself is not acceptable (400, 413, 422); trying again is no use
    └── Unavailable   try later (429, 5xx, no answer); `retry_after` in seconds if the server said

Must not: import a Kubernetes library; `aio` does.
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from knect_operator.kube.kinds import Kind

__all__ = [
    "Conflict",
    "Contested",
    "Forbidden",
    "KubeClient",
    "KubeError",
    "NotFound",
    "Object",
    "Refused",
    "Taken",
    "Unavailable",
]

Object = dict[str, Any]


class KubeError(Exception):
    """The API server did not do it; the text says what and why, without a body."""


class NotFound(KubeError):
    """It is not there."""


class Conflict(KubeError):
    """Somebody changed or made it meanwhile."""


class Contested(Conflict):
    """Two hands want it differently; putting it right again would go on for ever."""


class Taken(Conflict):
    """The name is somebody else's."""


class Forbidden(KubeError):
    """Not allowed: by role, quota or policy."""


class Refused(KubeError):
    """The object is not acceptable as it is."""


class Unavailable(KubeError):
    """No answer, or not now."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KubeClient(Protocol):
    """Plain dicts in, plain dicts out. Every call has a deadline and raises KubeError."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return one object."""
        ...

    def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Object]:
        """Yield the objects of a namespace, or of all, page by page."""
        ...

    async def apply(self, document: Object, *, part: str = "", manager: str) -> Object:
        """Server-side apply an object, or its subresource `part`; return it as it is then."""
        ...

    async def create(self, document: Object) -> Object:
        """Create an object; Conflict if it is there."""
        ...

    async def replace(self, document: Object) -> Object:
        """Replace an object at the resource version it carries."""
        ...

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str | None = None
    ) -> None:
        """Delete an object and, in the background, what it owns; gone already is no error."""
        ...
