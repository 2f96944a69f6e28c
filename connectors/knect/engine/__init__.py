"""The engine: from a change at a source to a known fate at a destination.

Why: section 4 of the design lives here: discover, extract, map, resolve, deliver, commit.
Must not: know a platform (connectors do), a table (the ledger does) or a screen (the CLI does).
"""

__all__: list[str] = []
