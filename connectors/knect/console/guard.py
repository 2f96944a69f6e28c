"""Who may look: whoever was given the address with its key, in a browser, on this machine.

Why: the console acts with the rights of who started it. Others on the machine can reach its port,
and pages of other sites can make a browser ask it; neither knows the key, and a form of another
site, or a name that was bent to this machine, is turned away. Must not: log or show the key.
"""

import hmac
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from knect.gateway import Refusal

__all__ = ["ENTRANCE", "Answer", "Guard", "sealed"]

_HERE = ("127.0.0.1", "localhost", "::1")
ENTRANCE = "/enter"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with none at all, our own forms would have no origin
    "X-Content-Type-Options": "nosniff",
}

#: Answers a request; raises Refusal where it cannot.
Answer = Callable[[Request], Awaitable[Response]]


class Guard:
    """Lets in who has the key, and gives every answer the headers that keep it to itself."""

    def __init__(self) -> None:
        self._key = token_urlsafe(24)
        # Cookies are shared by all ports of a machine: two consoles must not log each other out.
        self._cookie = f"knect-{token_urlsafe(6)}"

    def entrance(self, port: int) -> str:
        """Return the address that lets in."""
        return f"http://127.0.0.1:{port}{ENTRANCE}?key={self._key}"

    async def enter(self, request: Request) -> Response:
        """Let in who has the key; from then on a cookie says so. Raises Refusal."""
        _check_host(request)
        if not _same(request.query_params.get("key", ""), self._key):
            raise Refusal(401, "this key is of another console: open the address this one printed")
        response = RedirectResponse("/", 303)
        # Not `strict`: a link in a ticket is followed from another site, and only looks.
        response.set_cookie(self._cookie, self._key, httponly=True, samesite="lax")
        return response

    async def passed(self, request: Request, answer: Answer) -> Response:
        """Return the answer. Raises Refusal for who may not have it."""
        _check_host(request)
        if not _same(request.cookies.get(self._cookie, ""), self._key):
            raise Refusal(
                401,
                "this console is for who started it: open the address it printed, with its key",
            )
        if request.method not in ("GET", "HEAD"):
            _check_origin(request)
        return await answer(request)


def sealed(response: Response) -> Response:
    """Return the response with what a browser has to know about it."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _same(given: str, meant: str) -> bool:
    return hmac.compare_digest(given.encode(), meant.encode())


def _check_host(request: Request) -> None:
    """Refuse names that were bent to this machine: a page elsewhere could read what we answer."""
    if (request.url.hostname or "") not in _HERE:
        raise Refusal(403, "this console answers to 127.0.0.1 and localhost alone")


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin", "")
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise Refusal(403, "nothing was done: the form was not one of this console's own pages")
