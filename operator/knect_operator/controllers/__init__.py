"""One reconcile per key: what is declared and what is there, to what should be there.

Why: exactly one function changes the world for a key, and it is safe to cut anywhere and to repeat.
Must not: ask what changed; only what is.
"""

from knect_operator.controllers.connection import ConnectionController
from knect_operator.controllers.keys import ConnectionKey, ReconcileKey, UnitKey
from knect_operator.controllers.trouble import Troubles
from knect_operator.controllers.unit import UnitController
from knect_operator.controllers.wakes import wakes
from knect_operator.controllers.world import World

__all__ = [
    "ConnectionController",
    "ConnectionKey",
    "ReconcileKey",
    "Troubles",
    "UnitController",
    "UnitKey",
    "World",
    "wakes",
]
