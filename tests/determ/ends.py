"""A shop and an ERP as a real platform would be: late, forgetful of what it indexed, and not kind.

Must not: know the engine; what they are asked comes through `wire`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.support.toy.erp import ToyErp
from tests.support.toy.shop import ToyShop

from knect.model import Order, Record
from knect.sdk.contract import Call, Effect, Found, Outcome
from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect.seams import Clock

__all__ = ["SimErp", "SimShop"]


class SimShop(ToyShop):
    """A shop whose clock is its own and may be coarse. `known` are ids it ever had, `told` what each
    note stood on, `notes` what it noted on a record at an instant.
    """

    def __init__(self, clock: Clock, *, coarse: bool) -> None:
        super().__init__(clock)
        self.coarse = coarse
        self.known: dict[str, dict[str, Any]] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.notes: dict[tuple[str, str], set[str]] = {}
        self.count = 0

    def change(self, record_id: str, *, back: float = 0.0, **fields: Any) -> None:
        """Make or change a record; `back`: so many seconds ago by the shop's own clock."""
        self.count += 1
        self._put(record_id, back, note=f"v{self.count:05d}", **fields)

    def touch(self, record_id: str) -> None:
        """Change what nobody reads of a record."""
        self._put(record_id, 0.0, touched=self.clock.monotonic().hex())

    def _put(self, record_id: str, back: float, **fields: Any) -> None:
        at = self.clock.now() - timedelta(seconds=back)
        if self.coarse:
            at = at.replace(microsecond=0)
        before = self.records.get(record_id)
        if before is not None:
            at = max(at, datetime.fromisoformat(before["updated_at"]))
        self.put(record_id, at, **fields)
        raw = self.known[record_id] = self.records[record_id]
        self.told[raw["note"]] = raw
        self.notes.setdefault((record_id, raw["updated_at"]), set()).add(raw["note"])


class SimErp(ToyErp):
    """Documents and parties. Without `unique` it takes what it is sent, as often as it is sent.

    Look-ups see a document `lag` seconds after its commit; the rule of uniqueness sees it at once.
    """

    def __init__(self, clock: Clock, *, unique: bool, lag: float) -> None:
        super().__init__()
        self.clock = clock
        self.unique = unique
        self.lag = lag
        self.made: dict[str, float] = {}
        self.gone: dict[str, dict[str, Any]] = {}  # what a clerk deleted, by id
        self.applied: dict[str, list[str]] = {}
        self.entities: dict[str, str] = {}
        self.refusing: set[str] = set()
        self.takes_back = True
        self.changed: list[str] = []  # external ids of what was made or written, in order

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        document = super().to_document(entity, record, settings)
        if isinstance(record, Order) and record.customer is not None:
            document["email"] = record.customer.email
            document["state"] = "open"
        return document

    def resolve_now(
        self, values: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], str | ConnectorError]:
        return {(k, v): f"P-{v}" for k, v in values if v in self.products}

    def commit(self, call: Call) -> Outcome:
        effect = call.effect
        if self.refuses(effect):
            email = effect.body.get("email")
            raise Refused(f"{email} is on the black list", path="customer.email", value=email)
        if effect.target in self.gone:
            raise WaitForPerson("it is there no more", code="ChangedAtDestination")
        if effect.target is not None:
            self.changed.append(effect.external_id)
            self.documents[effect.target].update(effect.body)
            self._apply(effect.target, effect)
            return Outcome(found=self._found(effect.target))
        existing = self._holder_of(effect)
        if existing is not None and self.unique:
            return Outcome(found=self._found(existing))
        self.changed.append(effect.external_id)
        identifier = f"{effect.entity[:2].upper()}-{len(self.documents) + len(self.gone) + 1}"
        self.documents[identifier] = {
            **effect.body, "external_id": effect.external_id, **call.given,
        }  # fmt: skip
        self.entities[identifier] = effect.entity
        self.made[identifier] = self.clock.monotonic()
        self._apply(identifier, effect)
        return Outcome(found=self._found(identifier))

    def vanish(self, identifier: str) -> None:
        """A clerk deletes a document by mistake."""
        self.gone[identifier] = self.documents.pop(identifier)
        self.applied.pop(identifier, None)

    def put_back(self, identifier: str) -> None:
        """The clerk enters it once more."""
        self.documents[identifier] = self.gone.pop(identifier)

    def refuses(self, effect: Effect) -> bool:
        """Tell whether it takes no order of this record."""
        return "number" in effect.body and effect.external_id in self.refusing

    def look(self, effect: Effect) -> Found | None:
        """Answer a look-up: what is not indexed yet is not found."""
        for identifier, document in self.documents.items():
            is_it = (self.entities[identifier], document["external_id"]) == (
                effect.entity, effect.external_id,
            )  # fmt: skip
            if is_it and self.clock.monotonic() - self.made[identifier] >= self.lag:
                return self._found(identifier)
        return None

    def _apply(self, identifier: str, effect: Effect) -> None:
        if "note" in effect.body:
            self.applied.setdefault(identifier, []).append(effect.body["note"])

    def _holder_of(self, effect: Effect) -> str | None:
        for identifier, document in self.documents.items():
            same = document["external_id"] == effect.external_id
            if same and self.entities[identifier] == effect.entity:
                return identifier
        return None
