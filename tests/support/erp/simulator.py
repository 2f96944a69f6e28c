"""The simulated ERP: parties without any uniqueness, documents unique by external id.

    POST /parties                    another party, always
    GET  /parties?emails=a,b         the oldest party of each e-mail address
    POST /documents                  a document; if its external id exists, that one
    PUT  /documents/ID               a newer version of it; an older one is refused with 409
    GET  /documents?external_ids=a,b
    GET  /products?skus=A,B

Must not: be kinder than a real ERP.
"""

from collections.abc import Mapping
from typing import Any

from knect.sdk.testing import Answer, Fault, Request

__all__ = ["SimulatedErp"]


class SimulatedErp:
    """Implements `knect.sdk.testing.Simulator`."""

    def __init__(self, skus: tuple[str, ...] = ()) -> None:
        self.skus = set(skus)
        self.key = ""  # the key that lets callers in; none: everybody
        self.parties: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self._of: dict[str, str] = {}
        self._party_of: dict[str, str] = {}
        self._made = 0

    def bind(self, url: str) -> None:
        """The address is of no use to it."""

    def expire_tokens(self) -> None:
        """There are none."""

    def refuse(self, fault: Fault, status: int) -> Answer:
        if fault is Fault.THROTTLED:
            body = {"error": "too many requests"}
            return Answer.of_json(body, status=429, headers={"Retry-After": "0.3"})
        return Answer.of_json({"error": "the database is restarting"}, status=status)

    def snapshot(self) -> Any:
        return {"parties": list(self.parties.values()), "documents": list(self.documents.values())}

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        match action:
            case "add_product":
                self.skus.add(arguments["sku"])
            case "rotate":
                self.key = arguments["key"]
            case "delete_document":
                gone = self.documents.pop(arguments["id"])
                del self._of[gone["external_id"]]
            case _:
                raise KeyError(action)

    async def handle(self, request: Request) -> Answer:
        if self.key and request.headers.get("x-api-key") != self.key:
            return Answer.of_json({"error": "this key is not known"}, status=401)
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["parties"]:
                return self._add_party(request.json())
            case "POST", ["documents"]:
                return self._add_document(request.json())
            case "PUT", ["documents", identifier]:
                return self._update(identifier, request.json())
            case "GET", ["parties"]:
                return self._found("emails", request, self._party_of, self.parties)
            case "GET", ["documents"]:
                return self._found("external_ids", request, self._of, self.documents)
            case "GET", ["products"]:
                wanted = request.query.get("skus", "").split(",")
                return Answer.of_json({sku: f"P-{sku}" for sku in wanted if sku in self.skus})
            case _:
                return Answer.of_json({"error": "no such route"}, status=404)

    def _add_party(self, body: dict[str, Any]) -> Answer:
        identifier = self._new_id("C")
        party = {"id": identifier, "number": None, **body}
        self.parties[identifier] = party
        self._party_of.setdefault(body["email"], identifier)
        key = body["external_id"]
        return Answer.of_json(_shown(party), status=201, key=key, committed=True)

    def _add_document(self, body: dict[str, Any]) -> Answer:
        external = body["external_id"]
        if external in self._of:
            there = self.documents[self._of[external]]
            return Answer.of_json(_shown(there), key=external)
        identifier = self._new_id("D")
        number = f"SO-{identifier[1:]}"
        document = {"id": identifier, "number": number, **body, "applied": [body["version"]]}
        self.documents[identifier] = document
        self._of[external] = identifier
        return Answer.of_json(_shown(document), status=201, key=external, committed=True)

    def _update(self, identifier: str, body: dict[str, Any]) -> Answer:
        document = self.documents.get(identifier)
        if document is None:
            return Answer.of_json({"error": f"there is no document {identifier}"}, status=422)
        key = document["external_id"]
        if body["version"] < document["version"]:
            return Answer.of_json(_shown(document), status=409, key=key)
        document.update(body)
        document["applied"].append(body["version"])
        return Answer.of_json(_shown(document), key=key, committed=True)

    def _found(
        self, name: str, request: Request, index: Mapping[str, str], store: Mapping[str, Any]
    ) -> Answer:
        wanted = request.query.get(name, "").split(",")
        found = {key: _shown(store[index[key]]) for key in wanted if key in index}
        return Answer.of_json(found, key=wanted[0])

    def _new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made}"


def _shown(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {name: thing.get(name) for name in ("id", "number", "version")}
