"""The SOAP v2 API in its WS-I form: its description, log-in, and reading orders.

Proof that SOAP clients of others read what we read; the connector itself speaks XML-RPC. Must not:
know an order beyond its types, or offer a write.
"""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from knect.sdk.testing import Answer, Request
from knect.sdk.xml import Element, XmlError, parse_xml
from knect_connectors.magento1.simulator.calls import Calls
from knect_connectors.magento1.simulator.faults import ApiFault
from knect_connectors.magento1.simulator.sessions import Sessions
from knect_connectors.magento1.simulator.soap_types import ARRAYS, OTHERS, STRUCTURES

__all__ = ["SoapApi"]

_NAMESPACE = "urn:OpenMage"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_HEADERS = {"Content-Type": "text/xml; charset=UTF-8"}
_HANDLER = "Mage_Api_Model_Server_V2_Handler"

#: Operation -> (arguments with their types, type of the result)
_OPERATIONS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "login": ({"username": "xsd:string", "apiKey": "xsd:string"}, "xsd:string"),
    "endSession": ({"sessionId": "xsd:string"}, "xsd:boolean"),
    "salesOrderList": (
        {"sessionId": "xsd:string", "filters": "typens:filters"},
        "typens:salesOrderListEntityArray",
    ),
    "salesOrderInfo": (
        {"sessionId": "xsd:string", "orderIncrementId": "xsd:string"},
        "typens:salesOrderEntity",
    ),
}
_FILTERS = """
<xsd:complexType name="associativeEntity"><xsd:sequence>
<xsd:element name="key" type="xsd:string"/><xsd:element name="value" type="xsd:string"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="associativeArray"><xsd:sequence>
<xsd:element minOccurs="0" maxOccurs="unbounded" name="complexObjectArray"
 type="typens:associativeEntity"/></xsd:sequence></xsd:complexType>
<xsd:complexType name="complexFilter"><xsd:sequence>
<xsd:element name="key" type="xsd:string"/>
<xsd:element name="value" type="typens:associativeEntity"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="complexFilterArray"><xsd:sequence>
<xsd:element minOccurs="0" maxOccurs="unbounded" name="complexObjectArray"
 type="typens:complexFilter"/></xsd:sequence></xsd:complexType>
<xsd:complexType name="filters"><xsd:sequence>
<xsd:element name="filter" type="typens:associativeArray" minOccurs="0"/>
<xsd:element name="complex_filter" type="typens:complexFilterArray" minOccurs="0"/>
</xsd:sequence></xsd:complexType>
"""


class SoapApi:
    """One endpoint."""

    def __init__(self, calls: Calls, sessions: Sessions) -> None:
        self._calls = calls
        self._sessions = sessions

    def answer(self, request: Request, url: str) -> Answer:
        """Answer a request: the description, or a call."""
        if "wsdl" in request.query:
            return Answer(body=_wsdl(url).encode(), headers=_HEADERS, key="wsdl")
        try:
            envelope = parse_xml(request.body)
            body = envelope.child(f"{_ENVELOPE} Body")
            call = body.children[0] if body and body.children else None
        except XmlError as error:
            return _fault("Client", str(error))
        name = call.name.rpartition(" ")[2].removesuffix("Param") if call else ""
        operation = name.removesuffix("Request")
        if call is None or operation not in _OPERATIONS:
            return _fault("Client", f"Function {name!r} is not a valid method for this service")
        given = {one.name.rpartition(" ")[2]: one for one in call.children}
        try:
            result = getattr(self, f"_{operation}")(given)
        except ApiFault as error:
            return _fault(*map(str, error.told("sales_order")))
        response = f"{operation}ResponseParam"
        kind = _OPERATIONS[operation][1].partition(":")[2]
        inner = f"<result>{_written(result, kind)}</result>"
        body_text = f'<ns1:{response} xmlns:ns1="{_NAMESPACE}">{inner}</ns1:{response}>'
        return Answer(body=_enveloped(body_text), headers=_HEADERS, key=operation)

    def _login(self, given: Mapping[str, Element]) -> str:
        name = self._sessions.login(given["username"].text, given["apiKey"].text)
        if name is None:
            raise ApiFault("access_denied")
        return name

    def _endSession(self, given: Mapping[str, Element]) -> bool:  # noqa: N802 - as the wire calls it
        self._sessions.end(given["sessionId"].text)
        return True

    def _salesOrderList(self, given: Mapping[str, Element]) -> Any:  # noqa: N802
        self._check(given)
        filters: dict[str, Any] = {}
        for each in given["filters"].children if "filters" in given else ():
            for one in each.children:
                key, value = one.child("key"), one.child("value")
                if key is None or value is None:
                    continue
                name, operand = value.child("key"), value.child("value")
                if name is None or operand is None:
                    filters[key.text] = value.text
                else:
                    filters.setdefault(key.text, {})[name.text] = operand.text
        return self._calls.call("sales_order.list", [filters])

    def _salesOrderInfo(self, given: Mapping[str, Element]) -> Any:  # noqa: N802
        self._check(given)
        return self._calls.call("sales_order.info", [given["orderIncrementId"].text])

    def _check(self, given: Mapping[str, Element]) -> None:
        if "sessionId" not in given or not self._sessions.is_good(given["sessionId"].text):
            raise ApiFault("session_expired")


def _written(value: Any, kind: str) -> str:
    """Return a value as its type is written; nothing is left out."""
    if kind in ARRAYS:
        inner = ARRAYS[kind]
        return "".join(
            f"<complexObjectArray>{_written(one, inner)}</complexObjectArray>" for one in value
        )
    if kind in STRUCTURES:
        return "".join(
            f"<{name}>{_written(value[name], OTHERS.get((kind, name), 'string'))}</{name}>"
            for name in STRUCTURES[kind]
            if value.get(name) is not None
        )
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def _enveloped(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{_ENVELOPE}"><SOAP-ENV:Body>{body}</SOAP-ENV:Body>'
        "</SOAP-ENV:Envelope>"
    ).encode()


def _fault(code: str, words: str) -> Answer:
    body = (
        f"<SOAP-ENV:Fault><faultcode>{escape(code)}</faultcode>"
        f"<faultstring>{escape(words)}</faultstring></SOAP-ENV:Fault>"
    )
    return Answer(status=500, body=_enveloped(body), headers=_HEADERS, key="fault")


# ---------------------------------------------------------------- the description


def _type_of(structure: str, name: str) -> str:
    other = OTHERS.get((structure, name))
    return f"typens:{other}" if other else "xsd:string"


def _wsdl(url: str) -> str:
    types = [_FILTERS]
    for structure, names in STRUCTURES.items():
        fields = "".join(
            f'<xsd:element name="{name}" type="{_type_of(structure, name)}" minOccurs="0"/>'
            for name in names
        )
        types.append(
            f'<xsd:complexType name="{structure}"><xsd:sequence>{fields}</xsd:sequence>'
            "</xsd:complexType>"
        )
    for array, inner in ARRAYS.items():
        types.append(
            f'<xsd:complexType name="{array}"><xsd:sequence><xsd:element minOccurs="0"'
            f' maxOccurs="unbounded" name="complexObjectArray" type="typens:{inner}"/>'
            "</xsd:sequence></xsd:complexType>"
        )
    messages, operations, bindings = [], [], []
    for name, (arguments, result) in _OPERATIONS.items():
        ask = f"{name}RequestParam" if name.startswith("sales") else f"{name}Param"
        for element, parts in ((ask, arguments), (f"{name}ResponseParam", {"result": result})):
            inside = "".join(
                f'<xsd:element minOccurs="1" maxOccurs="1" name="{part}" type="{kind}"/>'
                for part, kind in parts.items()
            )
            types.append(
                f'<xsd:element name="{element}"><xsd:complexType><xsd:sequence>{inside}'
                "</xsd:sequence></xsd:complexType></xsd:element>"
            )
            messages.append(
                f'<wsdl:message name="{element}Message"><wsdl:part name="parameters"'
                f' element="typens:{element}"/></wsdl:message>'
            )
        operations.append(
            f'<wsdl:operation name="{name}"><wsdl:input message="typens:{ask}Message"/>'
            f'<wsdl:output message="typens:{name}ResponseParamMessage"/></wsdl:operation>'
        )
        bindings.append(
            f'<wsdl:operation name="{name}"><soap:operation soapAction=""/><wsdl:input>'
            '<soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/>'
            "</wsdl:output></wsdl:operation>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<wsdl:definitions xmlns:typens="{_NAMESPACE}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
        ' xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" name="OpenMage"'
        f' targetNamespace="{_NAMESPACE}"><wsdl:types><xsd:schema targetNamespace="{_NAMESPACE}">'
        f"{''.join(types)}</xsd:schema></wsdl:types>{''.join(messages)}"
        f'<wsdl:portType name="{_HANDLER}PortType">{"".join(operations)}</wsdl:portType>'
        f'<wsdl:binding name="{_HANDLER}Binding" type="typens:{_HANDLER}PortType">'
        '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
        f"{''.join(bindings)}</wsdl:binding>"
        f'<wsdl:service name="OpenMageService"><wsdl:port name="{_HANDLER}Port"'
        f' binding="typens:{_HANDLER}Binding"><soap:address location="{escape(url)}"/></wsdl:port>'
        "</wsdl:service></wsdl:definitions>"
    )
