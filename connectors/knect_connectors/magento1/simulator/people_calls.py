"""Resources of customers and their addresses.

Must not: know a wire format or a session.
"""

from typing import Any

from knect_connectors.magento1.simulator import parts
from knect_connectors.magento1.simulator.books import Row
from knect_connectors.magento1.simulator.faults import ApiFault
from knect_connectors.magento1.simulator.tables import Methods, Tables

__all__ = ["PeopleCalls"]


class PeopleCalls(Tables):
    """See the module."""

    def methods(self) -> Methods:
        """Return the resources' methods by path."""
        return {
            "customer.list": self.listing("customers", {"entity_id": "customer_id"}),
            "customer.info": self._customer,
            "customer.create": self._create_customer,
            "customer.update": self._update_customer,
            "customer.delete": self._delete_customer,
            "customer_address.list": self._addresses,
            "customer_address.create": self._create_address,
            "customer_address.update": self._update_address,
        }  # fmt: skip

    # ------------------------------------------------ customers

    def _customer(self, identifier: Any, attributes: Any = None) -> Row:
        row = self.one("customers", identifier)
        if isinstance(attributes, list):
            return {name: row[name] for name in ("customer_id", *attributes) if name in row}
        return row

    def _create_customer(self, data: Any) -> int:
        given = dict(data or {})
        email, website = str(given.get("email") or ""), str(given.get("website_id") or "")
        if not given.get("firstname"):
            raise ApiFault("data_invalid", "The first name cannot be empty.")
        if "@" not in email:
            raise ApiFault("data_invalid", f'Invalid email address "{email}".')
        for row in self._books.customers.values():
            same = row["email"].casefold() == email.casefold()
            if same and row["website_id"] == website:
                raise ApiFault("data_invalid", "This customer email already exists")
        row = self._books.add_customer(email, "", "", self._books.now())
        row |= {name: None if v is None else str(v) for name, v in given.items() if name in row}
        return int(row["customer_id"])

    def _update_customer(self, identifier: Any, data: Any) -> bool:
        row = self.one("customers", identifier)
        row |= {name: v if v is None else str(v) for name, v in (data or {}).items() if name in row}
        parts.touch(self._books, row)
        return True

    def _delete_customer(self, identifier: Any) -> bool:
        self.one("customers", identifier)
        del self._books.customers[str(identifier)]
        return True

    def _addresses(self, identifier: Any) -> list[Row]:
        if str(identifier) not in self._books.customers:
            raise ApiFault("customer_not_exists")
        return [
            {name: value for name, value in row.items() if name != "customer_id"}
            for row in self._books.addresses.values()
            if row["customer_id"] == str(identifier)
        ]

    def _create_address(self, identifier: Any, data: Any) -> int:
        if str(identifier) not in self._books.customers:
            raise ApiFault("customer_not_exists")
        given = dict(data or {})
        missing = [name for name in ("firstname", "lastname", "street", "city", "telephone",
                                     "country_id") if not given.get(name)]  # fmt: skip
        if missing:
            raise ApiFault("data_invalid", "\n".join(f"Please enter the {one}." for one in missing))
        number = str(self._books.next("address"))
        now = self._books.marked()
        street = given.get("street")
        self._books.addresses[number] = {
            "customer_address_id": number, "customer_id": str(identifier), "created_at": now,
            "updated_at": now, "is_default_billing": False, "is_default_shipping": False,
            **given, "street": "\n".join(street) if isinstance(street, list) else street,
        }  # fmt: skip
        parts.touch(self._books, self._books.customers[str(identifier)])
        return int(number)

    def _update_address(self, identifier: Any, data: Any) -> bool:
        row = self.one("addresses", identifier)
        row |= dict(data or {})
        parts.touch(self._books, self._books.customers[row["customer_id"]])
        return True
