"""The API's handler over XML-RPC: log-in, call, multiCall, as Magento's own handler does them.

Must not: know a resource; those are in `calls`.
"""

from typing import Any

from knect.sdk.testing import Answer
from knect.sdk.xml import XmlError
from knect_connectors.magento1.simulator.calls import Calls
from knect_connectors.magento1.simulator.faults import FAULTS, WRITES, ApiFault
from knect_connectors.magento1.simulator.sessions import Sessions
from knect_connectors.magento1.xmlrpc import Fault, read_request, write_answer, write_fault

__all__ = ["RpcApi"]

_HEADERS = {"Content-Type": "text/xml; charset=UTF-8"}


class RpcApi:
    """One endpoint. `counts`: how often each method of a resource was called."""

    def __init__(self, calls: Calls, sessions: Sessions) -> None:
        self._calls = calls
        self._sessions = sessions
        self.counts: dict[str, int] = {}

    def answer(self, body: bytes) -> Answer:
        """Answer one XML-RPC request."""
        try:
            method, arguments = read_request(body)
        except XmlError as error:
            return _fault(631, f"Unable to parse request: {error}")
        handle = getattr(self, f"_{method}", None) if method in _METHODS else None
        if handle is None:
            return _fault(620, f'Method "{method}" does not exist')
        try:
            value, key, committed = handle(*arguments)
        except ApiFault as error:
            return _fault(*error.told(""))
        except TypeError:
            return _fault(623, "Calling parameters do not match signature")
        if isinstance(value, Fault):
            return _fault(value.code, value.message, key=key)
        return Answer(body=write_answer(value), headers=_HEADERS, key=key, committed=committed)

    def _startSession(self) -> tuple[str, str, bool]:  # noqa: N802 - as the wire calls it
        return self._sessions.start(), "startSession", False

    def _endSession(self, session: str) -> tuple[bool, str, bool]:  # noqa: N802
        self._sessions.end(session)
        return True, "endSession", False

    def _login(self, user: str, key: str | None = None) -> tuple[str, str, bool]:
        if not user or not key:
            raise ApiFault("invalid_request_param")
        name = self._sessions.login(user, key)
        if name is None:
            raise ApiFault("access_denied")
        return name, "login", False

    def _resources(self, session: str) -> tuple[Any, str, bool]:
        self._check(session)
        return self._calls.resources(), "resources", False

    def _call(self, session: str, path: str, args: Any = ()) -> tuple[Any, str, bool]:
        self._check(session)
        value, committed = self._one(path, list(args) if isinstance(args, list | tuple) else args)
        return value, _key(path, args), committed

    def _multiCall(self, session: str, calls: Any = (), options: Any = ()) -> tuple[Any, str, bool]:  # noqa: N802
        self._check(session)
        results: list[Any] = []
        committed = False
        stops = isinstance(options, dict) and str(options.get("break")) == "1"
        for one in calls:
            path = str(one[0]) if one else ""
            value, did = self._one(path, one[1] if len(one) > 1 else [])
            committed = committed or did
            if isinstance(value, Fault):
                results.append(
                    {"isFault": True, "faultCode": str(value.code), "faultMessage": value.message}
                )
                if stops:
                    break
            else:
                results.append(value)
        first = calls[0] if calls else [""]
        return results, _key(first[0], first[1] if len(first) > 1 else []), committed

    def _check(self, session: str) -> None:
        if not self._sessions.is_good(str(session)):
            raise ApiFault("session_expired")

    def _one(self, path: str, args: Any) -> tuple[Any, bool]:
        resource, method = self._calls.resolve(path)
        name = f"{resource}.{method}"
        self.counts[name] = self.counts.get(name, 0) + 1
        if not resource or not method:
            code, words = FAULTS[""]["resource_path_invalid"]
            return Fault(code=code, message=words), False
        try:
            value = self._calls.call(path, args)
        except ApiFault as error:
            code, words = error.told(resource)
            return Fault(code=code, message=words), False
        return value, name in WRITES


_METHODS = frozenset({"startSession", "endSession", "login", "resources", "call", "multiCall"})


def _key(path: str, args: Any) -> str:
    """Name the business object a call is about: what was called, and with which first argument."""
    first = args[0] if isinstance(args, list | tuple) and args else args
    return f"{path} {first}" if isinstance(first, str | int) else str(path)


def _fault(code: int, message: str, *, key: str | None = None) -> Answer:
    return Answer(body=write_fault(Fault(code=code, message=message)), headers=_HEADERS, key=key)
