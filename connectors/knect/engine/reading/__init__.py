"""From a source into the ledger: whose turn it is, which window, which of it is new.

Why: nothing may be passed over, whatever comes late, twice or not at all. Must not: decide what
becomes of a record, or know who delivers it.
"""

__all__: list[str] = []
