"""What the simulated eConnect refuses with: error codes and the sentences of `taErrorCode`.

Only 4776 is a code of the real table that was at hand; the others are numbers of our own, and
the connector must not read them: it goes by the sentence and the parameter it names.
Must not: be read by the connector.
"""

from collections.abc import Mapping

__all__ = ["SENTENCES", "EConnectError"]

SENTENCES: Mapping[int, str] = {
    4776: "Item does not allow back orders",
    9001: "Item number (ITEMNMBR) does not exist in the Item Master table - IV00101",
    9002: "Item number (ITEMNMBR) is inactive",
    9003: "Customer number (CUSTNMBR) does not exist in the Customer Master table - RM00101",
    9004: "Customer (CUSTNMBR) is inactive",
    9005: "Customer (CUSTNMBR) is on hold",
    9006: "Extended price (XTNDPRCE) does not equal quantity times unit price",
    9007: "Currency ID (CURNCYID) is not set up for this company",
    9008: "Document ID (DOCID) does not exist in the setup table - SOP40200",
    9009: "Subtotal (SUBTOTAL) does not match the extended prices of the lines",
    9010: "Document amount (DOCAMNT) is incorrect",
    9011: "Tax amount (TAXAMNT) does not match the tax detail amounts",
    9012: "The fiscal period for the document date (DOCDATE) is closed",
    9013: "Batch (BACHNUMB) is marked for posting or is being posted or edited by another user",
    9014: "Sales document (SOPNUMBE) is being edited by another user",
    9015: "Sales document (SOPNUMBE) already exists",
    9016: "Tax detail ID (TAXDTLID) does not exist - TX00201",
    9017: "Site (LOCNCODE) does not exist in the Site table - IV40700",
    9018: "Sales document (SOPNUMBE) does not exist or is in history",
    9019: "Line item sequence (LNITMSEQ) does not exist on the document",
    9020: "Quantity (QUANTITY) must be greater than zero",
    9021: "Returned quantities (QTYRTRND, QTYONHND) do not equal the quantity",
    9022: "Document has no lines",
    9023: "Item number (ITEMNMBR) is not assigned to the site",
}


class EConnectError(Exception):
    """A procedure's O_iErrorState; the caller rolls back."""

    def __init__(self, code: int) -> None:
        super().__init__(SENTENCES[code])
        self.code = code
