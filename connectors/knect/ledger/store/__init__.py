"""Where a ledger is kept: a file or a database server, opened, read, and written by group commit.

Why: the rest of the ledger is one code path; what the two databases see differently, and what can
be wrong with them, ends here. Must not: know what the rows mean.
"""

__all__: list[str] = []
