"""A customer and an address.

Must not: decide whether two customers are the same person; that is a match policy's work.
"""

from datetime import datetime

from msgspec import Struct, field

__all__ = ["Address", "Customer"]


class Address(Struct, frozen=True, kw_only=True, gc=False):
    """A postal address as the source gave it; nothing is normalised or cut."""

    name: str | None = None
    company: str | None = None
    street: tuple[str, ...] = ()  # one entry per line
    city: str | None = None
    postal_code: str | None = None
    region: str | None = None  # the source's code, mostly ISO 3166-2 without the country
    region_name: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-2
    phone: str | None = None


class Customer(Struct, frozen=True, kw_only=True, gc=False):
    """A person or company as one system knows it."""

    source_id: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    language: str | None = None
    tax_id: str | None = None
    tax_exempt: bool = False
    addresses: tuple[Address, ...] = ()
    default_address: Address | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    attributes: dict[str, str] = field(default_factory=dict)
