"""The simulated shop's state: orders, customers, subscriptions, bulk operations, scopes, tokens.

Must not: know HTTP or GraphQL; what is asked of it are ids, searches and acts.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from knect.seams import Clock, new_id
from knect_connectors.shopify.simulator.books import instant
from knect_connectors.shopify.simulator.catalog import Catalog

__all__ = ["Event", "Shop"]

#: (topic as `orders/create`, the object after the change or what is left of it)
Event = tuple[str, Mapping[str, Any]]

_TERM = re.compile(r"(\w+):(>=|<=|>|<)?('(?:[^'\\]|\\.)*'|\S+)")
_FIELDS = {"UPDATED_AT": "updatedAt", "CREATED_AT": "createdAt", "PROCESSED_AT": "processedAt"}
_DEFAULT_SCOPES = frozenset(
    {
        *("read_orders", "read_all_orders", "write_orders", "read_customers", "write_customers"),
        "read_merchant_managed_fulfillment_orders",
        *("write_products", "write_inventory", "read_locations"),
        "write_merchant_managed_fulfillment_orders",
    }
)
#: Lists of an order that hold records with an id of their own.
_CHILDREN = ("fulfillmentOrders", "fulfillments", "refunds", "transactions")
#: Part of an order -> the topics of a new one and of a changed one.
_ANNOUNCED: Mapping[str, tuple[str, str | None]] = {
    "transactions": ("order_transactions/create", None),
    "refunds": ("refunds/create", None),
    "fulfillments": ("fulfillments/create", "fulfillments/update"),
}


class Shop:
    """One shop. Objects are dictionaries in GraphQL's field names."""

    def __init__(
        self,
        *,
        clock: Clock,
        domain: str = "acme.myshopify.com",
        currency: str = "EUR",
        zone: str = "Europe/Berlin",
        token: str = "shpat_simulated",  # noqa: S107 - a simulated token
        client_id: str = "simulated-client",
        client_secret: str = "simulated-secret",  # noqa: S107 - a simulated secret
        index_lag: float = 0.0,
    ) -> None:
        self.clock = clock
        self.info = {
            "id": "gid://shopify/Shop/1",
            "name": domain.partition(".")[0].title(),
            "myshopifyDomain": domain,
            "ianaTimezone": zone,
            "currencyCode": currency,
        }
        self.scopes: set[str] = set(_DEFAULT_SCOPES)
        self.tokens = {token}
        self.client_id, self.client_secret = client_id, client_secret
        self.index_lag = index_lag
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"orders": {}, "customers": {}}
        self.subscriptions: list[dict[str, Any]] = []
        self.operations: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.mails: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.listen: Callable[[Event], None] = lambda _event: None
        self._sorted: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
        self._announced: dict[str, str] = {}
        self._changed_at: dict[str, float] = {}
        self._parents: dict[str, str] = {}
        self._due: list[tuple[float, str, Callable[[], None]]] = []
        self._last_number = 500_000_000
        self.time_offset = timedelta()
        self.catalog = Catalog(self.now, currency)

    def now(self) -> datetime:
        """Return the shop's own clock, UTC."""
        return self.clock.now().astimezone(UTC) + self.time_offset

    # ------------------------------------------------ reading

    def get(self, identifier: str) -> dict[str, Any] | None:
        """Return the object with this gid: an order, a customer, or a part of an order."""
        for objects in self.objects.values():
            if identifier in objects:
                return objects[identifier]
        parent = self.objects["orders"].get(self._parents.get(identifier, ""))
        for name in _CHILDREN if parent else ():
            for child in parent[name] if parent else ():
                if child["id"] == identifier:
                    return {**child, "order": parent}
        return self.catalog.things.get(identifier)

    def customers(self) -> Sequence[dict[str, Any]]:
        """Return all customers."""
        return list(self.objects["customers"].values())

    def search(
        self, entity: str, sort: str, query: str | None, after: str | None, *, reverse: bool
    ) -> list[dict[str, Any]]:
        """Return all matching objects after the cursor (an id), sorted by `sort` and id."""
        field = {
            "UPDATED_AT": "updatedAt",
            "CREATED_AT": "createdAt",
            "PROCESSED_AT": "processedAt",
        }
        keys = self._keys(entity, field.get(sort, "id"))
        if reverse:
            keys = keys[::-1]
        elif after is not None:
            keys = keys[bisect_right(keys, _cursor_key(after)) :]
        matches = _matcher(query, whole_days=entity == "customers")
        objects = self.objects[entity]
        return [
            objects[key[2]]
            for key in keys
            if matches(objects[key[2]]) and not self._is_hidden(key[2])
        ]

    def _keys(self, entity: str, field: str) -> list[tuple[str, int, str]]:
        keys = self._sorted.get((entity, field))
        if keys is None:
            keys = sorted(_sort_key(each, field) for each in self.objects[entity].values())
            self._sorted[entity, field] = keys
        return keys

    def _is_hidden(self, identifier: str) -> bool:
        """Tell whether the search index has not caught up with the last change yet."""
        if not self.index_lag:
            return False
        return self.clock.monotonic() < self._changed_at.get(identifier, 0.0) + self.index_lag

    # ------------------------------------------------ changing

    def put(self, entity: str, thing: dict[str, Any], *, topic: str | None = None) -> None:
        """Add or replace an object as it is; `topic` is announced."""
        self.objects[entity][thing["id"]] = thing
        self._changed_at[thing["id"]] = self.clock.monotonic()
        self.index(thing)
        self._forget(entity)
        if topic:
            self.listen((topic, thing))
        self._announce_children(thing, aloud=topic is not None)

    def index(self, thing: Mapping[str, Any]) -> None:
        """Let the parts of an order be found by their own ids."""
        for name in _CHILDREN:
            for child in thing.get(name) or ():
                self._parents[child["id"]] = thing["id"]

    def next_number(self) -> int:
        """Return a number for a new id."""
        self._last_number += 1
        return self._last_number

    def new_customer(self) -> dict[str, Any]:
        """Add a customer nothing is known of yet."""
        number, now = self.next_number(), instant(self.now())
        made: dict[str, Any] = {
            **dict.fromkeys(("firstName", "lastName", "note", "defaultEmailAddress")),
            **dict.fromkeys(("defaultPhoneNumber", "defaultAddress")),
            "__typename": "Customer",
            "id": f"gid://shopify/Customer/{number}",
            "legacyResourceId": str(number),
            "displayName": "",
            "locale": "en",
            "taxExempt": False,
            "tags": [],
            "createdAt": now,
            "updatedAt": now,
            "addressesV2": [],
        }
        self.put("customers", made, topic="customers/create")
        return made

    def customer_by(self, identifier: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the customer with an id, an e-mail (whatever its case) or a phone number."""
        email = str(identifier.get("emailAddress") or "").lower()
        phone = identifier.get("phoneNumber")
        for one in self.customers():
            theirs = one["defaultEmailAddress"] or {"emailAddress": ""}
            number = one["defaultPhoneNumber"] or {"phoneNumber": ""}
            if (
                one["id"] == identifier.get("id")
                or (email and email == theirs["emailAddress"].lower())
                or (phone and phone == number["phoneNumber"])
            ):
                return one
        return None

    def mail(self, kind: str, order: Mapping[str, Any], parcel: Mapping[str, Any] | None) -> None:
        """Send the order's customer an e-mail."""
        numbers = [one["number"] for one in parcel["trackingInfo"]] if parcel else []
        mail = {"to": order["email"], "about": kind, "order": order["name"], "tracking": numbers}
        self.mails.append(mail)

    def do_later(self, seconds: float, act: Callable[[], None]) -> dict[str, Any]:
        """Start an asynchronous job; returns it."""
        job = {"id": f"gid://shopify/Job/{new_id()}", "done": False}
        self.jobs[str(job["id"])] = job
        self._due.append((self.clock.monotonic() + seconds, str(job["id"]), act))
        return job

    def run_due(self) -> None:
        """Do the jobs whose time has come."""
        now = self.clock.monotonic()
        due, self._due = [x for x in self._due if x[0] <= now], [x for x in self._due if x[0] > now]
        for _, identifier, act in due:
            act()
            self.jobs[identifier]["done"] = True

    def touch(self, thing: dict[str, Any], *topics: str) -> None:
        """Move `updatedAt` to now and announce the topics."""
        entity = "customers" if thing["__typename"] == "Customer" else "orders"
        thing["updatedAt"] = instant(self.now())
        self._changed_at[thing["id"]] = self.clock.monotonic()
        self._forget(entity)
        for topic in topics:
            self.listen((topic, thing))
        self._announce_children(thing)

    def _announce_children(self, order: Mapping[str, Any], *, aloud: bool = True) -> None:
        """Announce what of an order is new or changed since it was last looked at."""
        for name, (made, changed) in _ANNOUNCED.items():
            for child in order.get(name) or ():
                state = f"{child.get('updatedAt')} {child.get('status')}"
                before = self._announced.get(child["id"])
                self._announced[child["id"]] = state
                topic = made if before is None else changed if before != state else None
                if aloud and topic is not None:
                    self.listen((topic, child))

    def remove(self, identifier: str) -> None:
        """Delete an object for good."""
        for entity, objects in self.objects.items():
            if objects.pop(identifier, None) is not None:
                self._forget(entity)
                self.listen((f"{entity}/delete", {"id": identifier}))

    def _forget(self, entity: str) -> None:
        for key in [key for key in self._sorted if key[0] == entity]:
            del self._sorted[key]

    def subscribe(self, topic: str, uri: str) -> dict[str, Any]:
        """Add a webhook subscription."""
        number = len(self.subscriptions) + 1
        subscription = {
            "id": f"gid://shopify/WebhookSubscription/{number}",
            "topic": topic,
            "uri": uri,
            "format": "JSON",
        }
        self.subscriptions.append(subscription)
        return subscription

    def new_token(self) -> str:
        """Give out a further access token."""
        token = f"shpat_{new_id()}"
        self.tokens.add(token)
        return token


def _number(identifier: str) -> int:
    return int(identifier.rpartition("/")[2])


def _sort_key(thing: Mapping[str, Any], field: str) -> tuple[str, int, str]:
    moment = "" if field == "id" else str(thing.get(field, ""))
    return moment, _number(thing["id"]), thing["id"]


def cursor_of(thing: Mapping[str, Any], sort: str) -> str:
    """Return the cursor that stands behind an object in this order."""
    moment, number, identifier = _sort_key(thing, _FIELDS.get(sort, "id"))
    return f"{moment}|{number}|{identifier}"


def _cursor_key(cursor: str) -> tuple[str, int, str]:
    moment, number, identifier = cursor.split("|")
    return moment, int(number), identifier


# ---------------------------------------------------------------- search


_Test = Callable[[Mapping[str, Any]], bool]


def _matcher(query: str | None, *, whole_days: bool) -> _Test:
    """Return the test of a search text; for customers times match by the day, as documented."""
    tests = [
        test
        for name, operator, quoted in _TERM.findall(query or "")
        if (test := _term_test(name, operator or ":", quoted, whole_days=whole_days)) is not None
    ]
    return lambda each: all(test(each) for test in tests)


def _term_test(name: str, operator: str, quoted: str, *, whole_days: bool) -> _Test | None:
    """Return the test of one term; None for terms that are not known: the platform ignores them."""
    text = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted.startswith("'") else quoted
    match name:
        case "updated_at" | "created_at" | "processed_at":
            return _time_test(name, operator, text, digits=10 if whole_days else 20)
        case "test":
            return lambda each: str(each.get("test")).lower() == text
        case "financial_status":
            return lambda each: text in ("any", str(each.get("displayFinancialStatus")).lower())
        case "tag":
            return lambda each: text in each.get("tags", ())
        case "tag_not":
            return lambda each: text not in each.get("tags", ())
        case _:
            return None


def _time_test(name: str, operator: str, text: str, *, digits: int) -> _Test:
    first, second = name.split("_")
    field = f"{first}{second.title()}"
    bound = datetime.fromisoformat(text)
    limit = instant(bound if bound.tzinfo else bound.replace(tzinfo=UTC))[:digits]
    is_day = digits == len("2026-01-01")
    compare: Mapping[str, Callable[[str], bool]] = {
        ">=": lambda value: value >= limit,
        ">": lambda value: value >= limit if is_day else value > limit,
        "<=": lambda value: value <= limit,
        "<": lambda value: value <= limit if is_day else value < limit,
        ":": lambda value: value == limit,
    }
    chosen = compare[operator]
    return lambda each: chosen(str(each.get(field, ""))[:digits])
