"""Document numbers, from GP's own numbering.

They are taken outside of the document's transaction, as GP's own windows do: inside of it,
everybody who enters a document would wait for ours. A number whose document was refused is a gap.
Must not: make a number up.
"""

from knect.sdk.errors import ConnectorError, RetryLater
from knect.sdk.sql import Session
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.fields import text

__all__ = ["next_number"]


async def next_number(session: Session, soptype: int, docid: str) -> str:
    """Take the next number of a document id. Whatever fails: of the document nothing has left."""
    try:
        answer = await session.call(
            procedures.NEXT_NUMBER.statement(), {"SOPTYPE": soptype, "DOCID": docid}
        )
    except ConnectorError as error:
        error.could_have_been_seen = False
        raise
    number = text(answer["SOPNUMBE"])
    if answer["error"] or not number:
        raise RetryLater(
            f"GP gave no number for document id {docid} (error {answer['error']}); look at it in"
            " Sales Document Setup, and at config.documents",
            path="config.documents",
            value=docid,
            could_have_been_seen=False,
        )
    return number
