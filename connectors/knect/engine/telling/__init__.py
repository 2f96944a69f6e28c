"""What happened, told to those who look: stories for traces, figures for metrics, the audit.

Why: all of it is made from the ledger's rows, so that it says what is committed and nothing else.
Must not: change what happens.
"""

__all__: list[str] = []
