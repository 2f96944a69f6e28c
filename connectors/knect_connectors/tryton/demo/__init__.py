"""A real Tryton on SQLite, for `make demo` and for the tests.

Why: an ERP of one's own in a second, so that everything is shown on the real thing. Needs the
extra `tryton`; nothing outside this folder imports Tryton itself.
Must not: be used as anyone's ERP; it has no back-up, and its passwords are in this source.
"""

from knect_connectors.tryton.demo.company import (
    DemoCompany,
    DemoPriceLine,
    DemoPriceList,
    DemoProduct,
)
from knect_connectors.tryton.demo.database import (
    ADMINISTRATOR,
    TrytonUnavailable,
    make_database,
    warm,
)
from knect_connectors.tryton.demo.people import Parcel, Person
from knect_connectors.tryton.demo.server import PASSWORD, USER, TrytonServer

__all__ = [
    "ADMINISTRATOR",
    "PASSWORD",
    "USER",
    "DemoCompany",
    "DemoPriceLine",
    "DemoPriceList",
    "DemoProduct",
    "Parcel",
    "Person",
    "TrytonServer",
    "TrytonUnavailable",
    "make_database",
    "warm",
]
