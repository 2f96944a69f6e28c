"""Magento's API resources: what `call(session, path, args)` does, whatever the wire.

Must not: know a wire format or a session. A fault is an ApiFault with the platform's words.
"""

from typing import Any

from knect_connectors.magento1.simulator import parts
from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.faults import ALIASES, ApiFault
from knect_connectors.magento1.simulator.goods_calls import GoodsCalls
from knect_connectors.magento1.simulator.people_calls import PeopleCalls
from knect_connectors.magento1.simulator.sales_calls import SalesCalls
from knect_connectors.magento1.simulator.tables import Methods

__all__ = ["Calls"]

#: What a refusal of the shop is called, where it is not `data_invalid`.
_REFUSED = {
    "sales_order.cancel": "status_not_changed",
    "sales_order_invoice.capture": "status_not_changed",
    "sales_order_creditmemo.create": "cannot_create_creditmemo",
}


class Calls:
    """The resources of one shop. `denied` are resources the API user has no right to."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.denied: set[str] = set()
        self._methods: Methods = {
            "core_magento.info": lambda: {
                "magento_edition": "Community", "magento_version": "1.9.4.5"},
            "core_store.list": self._stores,
            **SalesCalls(books).methods(),
            **GoodsCalls(books).methods(),
            **PeopleCalls(books).methods(),
        }  # fmt: skip

    def call(self, path: str, args: Any) -> Any:
        """Perform one call. Raises ApiFault."""
        resource, method = self.resolve(path)
        arguments = args if isinstance(args, list) else [args]
        if resource in self.denied:
            raise ApiFault("access_denied")
        do = self._methods.get(f"{resource}.{method}")
        if do is None:
            raise ApiFault("resource_path_invalid")
        try:
            return do(*arguments)
        except parts.ActError as error:
            raise ApiFault(
                _REFUSED.get(f"{resource}.{method}", "data_invalid"), str(error)
            ) from None
        except TypeError as error:
            raise ApiFault("internal", str(error)) from None

    def resolve(self, path: str) -> tuple[str, str]:
        """Return resource and method of a path, aliases followed."""
        resource, _, method = str(path).partition(".")
        return ALIASES.get(resource, resource), method

    def resources(self) -> list[Row]:
        """Return what the API user may call."""
        found: dict[str, list[Row]] = {}
        for path in self._methods:
            resource, _, method = path.partition(".")
            if resource not in self.denied:
                one = {"title": method, "path": path, "name": method, "aliases": []}
                found.setdefault(resource, []).append(one)
        return [
            {"title": name, "description": None, "name": name, "aliases": [], "methods": methods}
            for name, methods in found.items()
        ]

    def _stores(self) -> list[Row]:
        return [
            {"store_id": str(one.id), "code": one.code, "website_id": str(one.website),
             "group_id": str(one.website), "name": one.name.rpartition("\n")[2],
             "sort_order": "0", "is_active": "1"}
            for one in self._books.stores
        ]  # fmt: skip
