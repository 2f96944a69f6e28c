"""What a connector author imports; start with `knect.sdk.contract`.

Must not: import the ledger, the engine or any connector.
"""

__all__: list[str] = []
