"""Where this process finds its ledger, and what is to be said while it cannot be used.

Why: in a cluster the address is a key of a Secret that may come late, be wrong, or change; the
process stays up, says so, and tries again. This is the one place that opens a ledger for a pod.
Must not: put an address into a sentence; it may hold a password.
"""

from pathlib import Path

from msgspec import Struct

from knect.api.reasons import ConditionReason as R
from knect.api.report import Verdict, VerdictState
from knect.ledger import Ledger, LedgerError, open_ledger

__all__ = ["LEDGER_OPEN", "LedgerAddress", "LedgerNotFound", "open_book", "unavailable"]

_SCHEMES = ("postgresql://", "postgres://", "sqlite:///")

#: Said while the ledger can be used.
LEDGER_OPEN = Verdict(state=VerdictState.TRUE, reason=R.SUCCEEDED, message="the ledger is open")


class LedgerNotFound(LedgerError):
    """There is no address of a ledger, or it is none."""


class LedgerAddress(Struct, frozen=True, kw_only=True):
    """An address as it is, or the file that holds it."""

    dsn: str = ""
    file: str | None = None

    def read(self) -> str:
        """Return the address as it is now. Raises LedgerNotFound."""
        if self.file is None:
            return self.dsn
        try:
            text = Path(self.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text:
            raise LedgerNotFound(
                f"there is no ledger's address in {self.file}; create the Secret knect-ledger with "
                "the key dsn in this namespace, work begins by itself within about a minute"
            )
        if not text.startswith(_SCHEMES):
            raise LedgerNotFound(
                f"what stands in {self.file} is no address of a ledger; the key dsn of the Secret "
                "knect-ledger has to be like postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return text


async def open_book(dsn: str, namespace: str | None) -> Ledger:
    """Open the ledger of a namespace (None: not in a cluster) for writing. Raises LedgerError."""
    return await open_ledger(dsn, namespace=namespace)


def unavailable(error: Exception) -> Verdict:
    """Return what is said while the ledger cannot be used because of `error`."""
    match error:
        case LedgerNotFound():
            reason, sentence = R.LEDGER_SECRET_NOT_FOUND, str(error)
        case LedgerError():
            reason, sentence = R.LEDGER_UNAVAILABLE, str(error)
        case TimeoutError():
            reason, sentence = R.LEDGER_UNAVAILABLE, "the ledger does not answer; work waits for it"
        case _:
            reason = R.LEDGER_UNAVAILABLE
            sentence = (
                f"the ledger cannot be opened ({type(error).__name__}); see that the database is "
                "up and that the address in the Secret knect-ledger is right, it is tried again"
            )
    return Verdict(state=VerdictState.FALSE, reason=reason, message=sentence[:1024])
