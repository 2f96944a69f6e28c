"""The engine: from a change at a source to a known fate at a destination.

Why: section 4 of the design lives here. `reading` records what sources show, `delivering` takes it
from there to its fate, `deciding` says what that is from values alone, with the expressions of
`mapping`; `bounds` holds both to leases, allowances and clocks, `telling` makes stories and figures
of the ledger, `working` is the processes around it. `recorder` keeps the calls of reading and of
delivering. Each knows only those after it in this order: working, telling, delivering, reading,
recorder, bounds, deciding, mapping; `make check` sees to that.
Must not: know a platform (connectors do), a table (the ledger does) or a screen (the CLI does).
"""

__all__: list[str] = []
