"""The simulated system's API, as a developer of a merchant would have written it.

    POST   /oauth/token                  gives one, whoever asks
    GET    /api/ping                     needs the token; Date is the clock
    GET    /api/{c}?changed_from&changed_to&limit&page|offset|cursor   {"data": [], "meta": {}}
    GET    /api/{c}/{id}                 {"data": {}} or 404
    POST   /api/{c}                      201; 409 with {"error": {}} when `ref` is taken
    POST   /api/{c}/batch                {"items": []} -> {"results": [{"id"} | {"error"}]}
    PUT    /api/{c}/{id}, DELETE /api/{c}/{id}

Must not: be kinder than such systems are: `oddities` are the things they really do.
"""

import asyncio
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from msgspec import structs

from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, Request
from knect.seams import Clock
from knect_connectors.rest.simulator.hooks import signed
from knect_connectors.rest.simulator.shelf import Duplicate, Shelf

__all__ = ["InHouse", "Oddity"]


class Oddity(StrEnum):
    """What in-house APIs really do."""

    LAST_PAGE_AGAIN = "last-page-again"  # a page past the end is the last one once more
    TOTAL_TOO_HIGH = "total-too-high"
    ERROR_WITH_200 = "error-with-200"
    CURSOR_EXPIRES = "cursor-expires"  # the second page of a list is answered with 410, once
    NOT_FOUND_PAST_THE_END = "not-found-past-the-end"
    UNSORTED = "unsorted"
    IGNORES_BOUNDS = "ignores-bounds"
    LATER_ONLY = "later-only"  # `changed_from` itself is not listed
    SMALL_PAGES = "small-pages"  # never more than four records a page, whatever is asked for


class InHouse:
    """A `knect.sdk.testing.Simulator`. `bucket` calls at once, `refill` a second come back.

    `unique`: a `ref` that is taken is refused. `settles`: so many seconds after it was made, a
    record is found by its `ref`. `once`: the header by which a repeated create is told.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        token: str = "in-house-token",  # noqa: S107 - a simulated token
        secret: str = "whsec_aW4taG91c2Utc2lnbmluZy1rZXk=",  # noqa: S107 - as above
        oddities: Collection[Oddity] = (),
        bucket: int = 0,
        refill: float = 0.0,
        unique: bool = True,
        settles: float = 0.0,
        once: str = "",
    ) -> None:
        self.shelf = Shelf(clock, unique=unique)
        self._settles = settles
        self._once = once.lower()
        self._answered: dict[str, Answer] = {}
        self.tokens = {token}
        self.secret = Secret(secret)
        self.oddities = set(oddities)
        self.throttled = 0
        self.calls = 0
        self._bucket = bucket
        self._left = float(bucket)
        self._refill = refill
        self._clock = clock
        self._at = clock.monotonic()
        self._expired: set[str] = set()

    def bind(self, url: str) -> None:
        """Learn the URL it is served at."""
        self.url = url

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        answer = self._answer(request)
        headers = {"Date": self.shelf.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if self._bucket:
            headers["X-Call-Limit"] = f"{self._bucket - int(self._left)}/{self._bucket}"
        answer.headers = {**answer.headers, **headers}
        await asyncio.sleep(0)
        return answer

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return a server error or a throttle."""
        if fault is Fault.THROTTLED:
            return Answer.of_json(_error("slow_down"), status=429, headers={"Retry-After": "1"})
        return Answer.of_json(_error("internal"), status=status)

    def expire_tokens(self) -> None:
        """Let no token be good."""
        self.tokens.clear()

    def snapshot(self) -> Any:
        """Return all records."""
        return self.shelf.rows

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Put, change or delete a record: `put`, `delete`."""
        match action:
            case "put":
                return self.shelf.put(
                    arguments["collection"],
                    arguments["record"],
                    identifier=arguments.get("id"),
                )
            case "delete":
                return self.shelf.of(arguments["collection"]).pop(arguments["id"], None)
            case _:
                raise KeyError(action)

    def webhook(self, collection: str, identifier: str) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body of what it sends about a change."""
        body = {"type": f"{collection}.changed", "data": {"id": identifier}}
        return signed(self.secret, body, at=self.shelf.now())

    # ------------------------------------------------------------ answers

    def _answer(self, request: Request) -> Answer:
        if not self._take():
            return self.refuse(Fault.THROTTLED, 429)
        if request.path == "/oauth/token":
            return self._token()
        return self._known(request)

    def _token(self) -> Answer:
        token = f"token-{self.calls}"
        self.tokens.add(token)
        return Answer.of_json({"access_token": token, "token_type": "Bearer", "expires_in": 600})

    def _known(self, request: Request) -> Answer:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Answer.of_json(_error("unauthorized"), status=401)
        if Oddity.ERROR_WITH_200 in self.oddities and request.path != "/api/ping":
            return Answer.of_json(_error("database_gone", "the database is away"))
        parts = request.path.strip("/").split("/")
        match request.method, parts[1:]:
            case "GET", ["ping"]:
                return Answer.of_json({"ok": True, "version": "3.2"})
            case "GET", [collection]:
                return self._list(collection, request.query)
            case "GET", [collection, identifier]:
                row = self.shelf.of(collection).get(identifier)
                return _missing() if row is None else Answer.of_json({"data": row})
            case "POST", [collection, "batch"]:
                return self._batch(collection, request.json()["items"])
            case "POST", [collection]:
                return self._created_once(collection, request)
            case "PUT", [collection, identifier]:
                if identifier not in self.shelf.of(collection):
                    return _missing()
                row = self.shelf.put(collection, request.json(), identifier=identifier)
                return Answer.of_json({"data": row}, key=identifier, committed=True)
            case "DELETE", [collection, identifier]:
                gone = self.shelf.of(collection).pop(identifier, None)
                return _missing() if gone is None else Answer(status=204, committed=True)
            case _:
                return _missing()

    def _take(self) -> bool:
        self.calls += 1
        if not self._bucket:
            return True
        now = self._clock.monotonic()
        self._left = min(self._bucket, self._left + (now - self._at) * self._refill)
        self._at = now
        if self._left < 1:
            self.throttled += 1
            return False
        self._left -= 1
        return True

    def _list(self, collection: str, query: Mapping[str, str]) -> Answer:
        if "ref" in query:
            return Answer.of_json(
                {"data": self.shelf.found(query["ref"], collection, self._settles)}
            )
        bounds = ("", "") if Oddity.IGNORES_BOUNDS in self.oddities else (
            query.get("changed_from", ""), query.get("changed_to", ""),
        )  # fmt: skip
        rows = self.shelf.listed(collection, *bounds, later=Oddity.LATER_ONLY in self.oddities)
        if Oddity.UNSORTED in self.oddities:
            rows.reverse()
        size = int(query.get("limit", "100"))
        if Oddity.SMALL_PAGES in self.oddities:
            size = min(size, 4)
        if "page" in query:
            start = (int(query["page"]) - 1) * size
        else:
            start = int(query.get("cursor") or query.get("offset") or 0)
        if start and Oddity.CURSOR_EXPIRES in self.oddities and "cursor" in query:
            key = f"{collection}{query['cursor']}{query.get('changed_from')}"
            if key not in self._expired:
                self._expired.add(key)
                return Answer.of_json(_error("cursor_expired"), status=410)
        if start >= len(rows) and rows and Oddity.LAST_PAGE_AGAIN in self.oddities:
            start = (len(rows) - 1) // size * size
        if start >= len(rows) and start and Oddity.NOT_FOUND_PAST_THE_END in self.oddities:
            return _missing()
        page = rows[start : start + size]
        total = len(rows) + (7 if Oddity.TOTAL_TOO_HIGH in self.oddities else 0)
        more = start + size < len(rows)
        return Answer.of_json(
            {"data": page, "meta": {"total": total, "next": str(start + size) if more else None}}
        )

    def _created_once(self, collection: str, request: Request) -> Answer:
        key = request.headers.get(self._once) if self._once else None
        if key in self._answered:
            return structs.replace(self._answered[key], committed=False)
        answer = self._create(collection, request.json())
        if key is not None:
            self._answered[key] = answer
        return answer

    def _create(self, collection: str, record: dict[str, Any]) -> Answer:
        try:
            row = self.shelf.put(collection, record)
        except Duplicate:
            return Answer.of_json(_error("duplicate", "ref is taken"), status=409)
        return Answer.of_json({"data": row}, status=201, key=record.get("ref"), committed=True)

    def _batch(self, collection: str, records: list[dict[str, Any]]) -> Answer:
        results: list[dict[str, Any]] = []
        for record in records:
            try:
                results.append({"id": self.shelf.put(collection, record)["id"]})
            except Duplicate:
                results.append(_error("duplicate", "ref is taken"))
        key = ",".join(str(record.get("ref")) for record in records)
        return Answer.of_json({"results": results}, key=key, committed=True)


def _error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message or code.replace("_", " ")}}


def _missing() -> Answer:
    return Answer.of_json(_error("not_found"), status=404)
