"""Every GraphQL document of an order's life: what is shipped, refunded, paid, cancelled.

Why apart: `queries` reads what was sold; these follow it. The tests validate both.
Must not: ask for a field nothing uses; see `queries` for the costs and for `$SIDE`.
"""

__all__ = [
    "CANCEL_FULFILLMENT",
    "CANCEL_ORDER",
    "CANCEL_STATE",
    "CHILDREN_OF",
    "CUSTOMER_ADDRESS_CREATE",
    "CUSTOMER_ADDRESS_UPDATE",
    "CUSTOMER_BY_EMAIL",
    "CUSTOMER_SET",
    "CUSTOMER_STATE",
    "CUSTOMER_UPDATE",
    "FULFILL",
    "FULFILLMENTS",
    "FULFILLMENTS_BY_ID",
    "JOB",
    "MORE_FULFILLED_LINES",
    "MORE_REFUND_LINES",
    "MORE_SOLD_LINES",
    "MORE_WAITING_LINES",
    "ORDERS_WITH",
    "PAYMENTS_DETAIL",
    "REFUNDS_DETAIL",
    "RETRACK",
    "SHIPMENTS_DETAIL",
    "WAITING",
]

#: How many fulfillments are read with their lines at once; a list without a cursor.
FULFILLMENTS_AT_ONCE = 10
#: How many children of one order are listed beside it.
CHILDREN = 8

_BAG = "{ $SIDE { amount currencyCode } }"
_PAGE = "pageInfo { hasNextPage endCursor }"
_ERRORS = "userErrors { field message }"

# ---------------------------------------------------------------- shipping

_SOLD = "id sku name quantity currentQuantity"
_WAITING_LINE = "id remainingQuantity lineItem { id }"
_FULFILLED_LINE = "quantity lineItem { id }"
_FULFILLMENT = f"""
  id name status createdAt trackingInfo {{ number company url }}
  fulfillmentLineItems(first: 30) {{ nodes {{ {_FULFILLED_LINE} }} {_PAGE} }}
"""

WAITING = f"""query Waiting($id: ID!, $after: String) {{
  order(id: $id) {{
    id name cancelledAt
    lineItems(first: 100) {{ nodes {{ {_SOLD} }} {_PAGE} }}
    fulfillmentOrders(first: 10, after: $after) {{
      nodes {{
        id status assignedLocation {{ name location {{ id }} }}
        fulfillmentHolds {{ reason reasonNotes }}
        lineItems(first: 30) {{ nodes {{ {_WAITING_LINE} }} {_PAGE} }}
      }}
      {_PAGE}
    }}
  }}
}}"""

MORE_SOLD_LINES = f"""query MoreSoldLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 250, after: $after) {{ nodes {{ {_SOLD} }} {_PAGE} }} }}
}}"""

MORE_WAITING_LINES = f"""query MoreWaitingLines($id: ID!, $after: String) {{
  node(id: $id) {{
    ... on FulfillmentOrder {{
      lineItems(first: 100, after: $after) {{ nodes {{ {_WAITING_LINE} }} {_PAGE} }}
    }}
  }}
}}"""

FULFILLMENTS = f"""query Fulfillments($id: ID!) {{
  order(id: $id) {{ fulfillments(first: {FULFILLMENTS_AT_ONCE}) {{ {_FULFILLMENT} }} }}
}}"""

FULFILLMENTS_BY_ID = f"""query FulfillmentsById($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Fulfillment {{ {_FULFILLMENT} }} }}
}}"""

MORE_FULFILLED_LINES = f"""query MoreFulfilledLines($id: ID!, $after: String) {{
  node(id: $id) {{
    ... on Fulfillment {{
      fulfillmentLineItems(first: 100, after: $after) {{ nodes {{ {_FULFILLED_LINE} }} {_PAGE} }}
    }}
  }}
}}"""

FULFILL = f"""mutation Fulfill($fulfillment: FulfillmentInput!) {{
  fulfillmentCreate(fulfillment: $fulfillment) {{ fulfillment {{ id name }} {_ERRORS} }}
}}"""

RETRACK = f"""mutation Retrack(
  $id: ID!, $tracking: FulfillmentTrackingInput!, $notify: Boolean!
) {{
  fulfillmentTrackingInfoUpdate(
    fulfillmentId: $id, trackingInfoInput: $tracking, notifyCustomer: $notify
  ) {{ fulfillment {{ id name }} {_ERRORS} }}
}}"""

CANCEL_FULFILLMENT = f"""mutation CancelFulfillment($id: ID!) {{
  fulfillmentCancel(id: $id) {{ fulfillment {{ id name status }} {_ERRORS} }}
}}"""

# ---------------------------------------------------------------- cancelling

CANCEL_STATE = """query CancelState($id: ID!) {
  order(id: $id) { id name cancelledAt updatedAt displayFulfillmentStatus }
}"""

CANCEL_ORDER = """mutation CancelOrder(
  $id: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notify: Boolean!,
  $refund: OrderCancelRefundMethodInput, $note: String
) {
  orderCancel(
    orderId: $id, reason: $reason, restock: $restock, notifyCustomer: $notify,
    refundMethod: $refund, staffNote: $note
  ) { job { id done } orderCancelUserErrors { code field message } }
}"""

JOB = """query Job($id: ID!) { job(id: $id) { id done } }"""

# ---------------------------------------------------------------- what belongs to an order

_TRANSACTION = f"""
  id kind status gateway paymentId test processedAt createdAt
  amountSet {_BAG} parentTransaction {{ id }}
"""
_ORDER_OF = "order { id name updatedAt cancelledAt taxesIncluded }"


def _orders_with(child: str) -> str:
    return f"""query OrdersWith($query: String!, $first: Int!, $after: String) {{
  orders(query: $query, sortKey: UPDATED_AT, first: $first, after: $after) {{
    nodes {{ id updatedAt {child}(first: {CHILDREN}) {{ id }} }} {_PAGE}
  }}
}}"""


#: Field of an order -> the document that lists orders with the ids of what is in it.
ORDERS_WITH = {name: _orders_with(name) for name in ("fulfillments", "refunds", "transactions")}
#: Field of an order -> the document for one order that has more than were listed.
CHILDREN_OF = {
    name: f"query ChildrenOf($id: ID!) {{ order(id: $id) {{ {name}(first: 250) {{ id }} }} }}"
    for name in ORDERS_WITH
}

PAYMENTS_DETAIL = f"""query PaymentsDetail($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on OrderTransaction {{ {_TRANSACTION} {_ORDER_OF} }} }}
}}"""

_REFUND_LINE = f"""
  lineItem {{ id sku }} quantity restockType subtotalSet {_BAG} totalTaxSet {_BAG}
  location {{ id }}
"""

REFUNDS_DETAIL = f"""query RefundsDetail($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Refund {{
      id createdAt processedAt updatedAt note totalRefundedSet {_BAG} {_ORDER_OF}
      orderAdjustments(first: 5) {{ nodes {{ id reason }} {_PAGE} }}
      refundLineItems(first: 20) {{ nodes {{ {_REFUND_LINE} }} {_PAGE} }}
      refundShippingLines(first: 5) {{
        nodes {{ id subtotalAmountSet {_BAG} taxAmountSet {_BAG} }} {_PAGE}
      }}
      transactions(first: 5) {{ nodes {{ {_TRANSACTION} }} {_PAGE} }}
    }}
  }}
}}"""

MORE_REFUND_LINES = f"""query MoreRefundLines($id: ID!, $after: String) {{
  node(id: $id) {{
    ... on Refund {{
      refundLineItems(first: 50, after: $after) {{ nodes {{ {_REFUND_LINE} }} {_PAGE} }}
    }}
  }}
}}"""

SHIPMENTS_DETAIL = f"""query ShipmentsDetail($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Fulfillment {{
      id name status createdAt updatedAt location {{ name }} {_ORDER_OF}
      trackingInfo {{ number company url }}
      fulfillmentLineItems(first: 30) {{ nodes {{ quantity lineItem {{ id sku }} }} {_PAGE} }}
    }}
  }}
}}"""

# ---------------------------------------------------------------- customers

_ADDRESS = """{
  id firstName lastName company address1 address2 city zip provinceCode countryCodeV2 phone
}"""
_CUSTOMER = f"""
  id updatedAt firstName lastName note
  defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }}
  defaultAddress {_ADDRESS}
  addressesV2(first: 50) {{ nodes {_ADDRESS} {_PAGE} }}
"""

CUSTOMER_STATE = f"""query CustomerState($id: ID!) {{ customer(id: $id) {{ {_CUSTOMER} }} }}"""

CUSTOMER_BY_EMAIL = f"""query CustomerByEmail($email: String!) {{
  customer: customerByIdentifier(identifier: {{ emailAddress: $email }}) {{ {_CUSTOMER} }}
}}"""

CUSTOMER_UPDATE = f"""mutation CustomerUpdate($input: CustomerInput!) {{
  customerUpdate(input: $input) {{ customer {{ id updatedAt }} {_ERRORS} }}
}}"""

CUSTOMER_SET = f"""mutation CustomerSet(
  $input: CustomerSetInput!, $identifier: CustomerSetIdentifiers
) {{
  customerSet(input: $input, identifier: $identifier) {{
    customer {{ id updatedAt }} {_ERRORS}
  }}
}}"""

CUSTOMER_ADDRESS_CREATE = f"""mutation CustomerAddressCreate(
  $id: ID!, $address: MailingAddressInput!, $isDefault: Boolean
) {{
  customerAddressCreate(customerId: $id, address: $address, setAsDefault: $isDefault) {{
    address {{ id }} {_ERRORS}
  }}
}}"""

CUSTOMER_ADDRESS_UPDATE = f"""mutation CustomerAddressUpdate(
  $id: ID!, $addressId: ID!, $address: MailingAddressInput!, $isDefault: Boolean
) {{
  customerAddressUpdate(
    customerId: $id, addressId: $addressId, address: $address, setAsDefault: $isDefault
  ) {{ address {{ id }} {_ERRORS} }}
}}"""
