"""Routes of customers, of the shop itself, and of admin tokens.

Must not: know how a request came in.
"""

from collections.abc import Mapping
from typing import Any

from knect_connectors.magento2.simulator import parts
from knect_connectors.magento2.simulator.access import Access
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.errors import ApiError, gone, missing
from knect_connectors.magento2.simulator.money import shown
from knect_connectors.magento2.simulator.routes import Called, Route, page_of

__all__ = ["PeopleApi"]

_CUSTOMERS = "Magento_Customer::customer"
_TAKEN = "A customer with the same email address already exists in an associated website."
_OWN = ("firstname", "lastname", "middlename", "taxvat", "group_id", "store_id", "email")


class PeopleApi:
    """See the module."""

    def __init__(self, books: Books, access: Access) -> None:
        self._books = books
        self._access = access

    def routes(self) -> list[Route]:
        """Return the routes."""
        found = (
            ("GET", "customers/search", _CUSTOMERS, self._search),
            ("POST", "customers", "", self._create),
            ("GET", "customers/{id}", _CUSTOMERS, lambda call: shown(self._one(call))),
            ("PUT", "customers/{id}", _CUSTOMERS, self._update),
            ("GET", "store/storeViews", "Magento_Backend::store", self._stores),
            ("GET", "directory/currency", "", self._currency),
            ("POST", "integration/admin/token", "", self._token),
        )
        return [
            Route(method=method, path=path, resource=resource, do=do)
            for method, path, resource, do in found
        ]

    def _search(self, call: Called) -> Any:
        return page_of(self._books.customers.values(), call, {"entity_id": "id"})

    def _one(self, call: Called) -> Row:
        identifier = call.parameters["id"]
        row = self._books.customers.get(int(identifier)) if identifier.isdecimal() else None
        if row is None:
            raise gone("customerId", identifier)
        return row

    def _create(self, call: Called) -> Any:
        given = call.given("customer")
        for name in ("email", "firstname", "lastname"):
            if not given.get(name):
                raise missing(name)
        website = int(given.get("website_id") or 1)
        self._check_unique(str(given["email"]), website, None)
        row = self._books.add_customer(
            str(given["email"]), given["firstname"], given["lastname"], self._books.now()
        )
        row["website_id"] = website
        self._put(row, given)
        return shown(row)

    def _update(self, call: Called) -> Any:
        row, given = self._one(call), call.given("customer")
        for name in ("email", "firstname", "lastname"):
            if not given.get(name):
                raise missing(name)
        self._check_unique(str(given["email"]), row["website_id"], row)
        self._put(row, given)
        return shown(row)

    def _check_unique(self, email: str, website: int, own: Row | None) -> None:
        for row in self._books.customers.values():
            same = row["email"].casefold() == email.casefold() and row["website_id"] == website
            if same and row is not own:
                raise ApiError(_TAKEN)

    def _put(self, row: Row, given: Mapping[str, Any]) -> None:
        row |= {name: given[name] for name in _OWN if name in given}
        if "addresses" in given:  # the whole list: what is not in it is gone
            row["addresses"] = [self._address(row, one) for one in given["addresses"]]
        parts.touch(self._books, row)

    def _address(self, row: Row, given: Mapping[str, Any]) -> Row:
        for name in ("firstname", "lastname", "city", "telephone", "country_id"):
            if not given.get(name):
                raise missing(name)
        if not given.get("street"):
            raise missing("street")
        identifier = given.get("id") or self._books.next("address")
        for name in ("default_billing", "default_shipping"):
            if given.get(name):
                row[name] = str(identifier)
        return {**given, "id": identifier, "customer_id": row["id"],
                "region_id": given.get("region_id", 0)}  # fmt: skip

    # ------------------------------------------------ the shop

    def _stores(self, call: Called) -> Any:
        del call
        admin = {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0,
                 "is_active": 1}  # fmt: skip
        return [admin, *(
            {"id": one.id, "code": one.code, "name": one.name.rpartition("\n")[2],
             "website_id": one.website, "store_group_id": one.website, "is_active": 1}
            for one in self._books.stores
        )]  # fmt: skip

    def _currency(self, call: Called) -> Any:
        store = self._books.store(call.store) or self._books.stores[0]
        return {
            "base_currency_code": store.base,
            "default_display_currency_code": store.currency,
            "available_currency_codes": ["EUR", "GBP", "USD"],
            "exchange_rates": [],
        }

    def _token(self, call: Called) -> str:
        return self._access.token_for(str(call.given("username")), str(call.given("password")))
