"""Every GraphQL document sent to Shopify.

Why in one place: the tests validate each against the vendor's schema. `$SIDE` is the money side.
Nested connections are short here, because a query's cost counts what it could return; the rest of
a long one is paged by the documents at the end. Source of the 1,000 points limit and of the cost
rules: shopify.dev, "GraphQL Admin API rate limits".
Must not: ask for a field the mapping does not use; each one costs everybody points.
"""

__all__ = [
    "AGREEMENTS",
    "BULK_RUN",
    "BULK_STATUS",
    "CUSTOMERS_BULK",
    "CUSTOMERS_DETAIL",
    "CUSTOMERS_LIST",
    "MORE_ADDRESSES",
    "MORE_LINES",
    "MORE_SALES",
    "MORE_SHIPPING_LINES",
    "MORE_TRANSACTIONS",
    "ORDERS_BULK",
    "ORDERS_DETAIL",
    "ORDERS_LIST",
    "PRESENT",
    "SHOP",
    "WEBHOOK_CREATE",
    "WEBHOOK_LIST",
    "WEBHOOK_UPDATE",
    "for_side",
]

LINES = 5
SHIPPING_LINES = 2
TRANSACTIONS = 4


def for_side(document: str, side: str) -> str:
    """Return the document for one side of every money bag."""
    return document.replace("$SIDE", side)


_BAG = "{ $SIDE { amount currencyCode } }"
_BOTH = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
_TAXES = f"taxLines {{ title rate channelLiable priceSet {_BAG} }}"
_DISCOUNTS = f"discountAllocations {{ allocatedAmountSet {_BAG} }}"
_ADDRESS = """{
  name company address1 address2 city zip provinceCode province countryCodeV2 phone
}"""
_ADDRESS_NODE = f"{{ id {_ADDRESS[1:]}"
_LINE = f"""
  id sku title variantTitle quantity isGiftCard requiresShipping
  originalUnitPriceSet {_BAG} {_TAXES} {_DISCOUNTS}
  variant {{ id }} product {{ id }} lineItemGroup {{ id }} customAttributes {{ key value }}
  duties {{ id price {_BAG} {_TAXES} }}
"""
_SHIPPING = f"id title code isRemoved originalPriceSet {_BAG} {_TAXES} {_DISCOUNTS}"
_TRANSACTION = f"""
  id kind status gateway paymentId test processedAt createdAt
  amountSet {_BAG} amountRoundingSet {_BAG} parentTransaction {{ id }}
"""
_ORDER_HEAD = f"""
  id legacyResourceId name createdAt processedAt updatedAt cancelledAt cancelReason closedAt
  test edited poNumber sourceName note tags taxesIncluded dutiesIncluded taxExempt
  currencyCode presentmentCurrencyCode displayFinancialStatus displayFulfillmentStatus
  customerLocale email phone discountCodes customAttributes {{ key value }}
  totalPriceSet {_BOTH} subtotalPriceSet {_BAG} totalDiscountsSet {_BAG}
  totalShippingPriceSet {_BAG} totalTaxSet {_BAG} totalTipReceivedSet {_BAG}
  customer {{
    id displayName locale taxExempt
    defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }}
  }}
  billingAddress {_ADDRESS} shippingAddress {_ADDRESS}
  additionalFees {{ id name price {_BAG} {_TAXES} }}
"""
_CUSTOMER = f"""
  id firstName lastName displayName locale taxExempt tags note createdAt updatedAt
  defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }}
  defaultAddress {_ADDRESS}
"""
_PAGE = "pageInfo { hasNextPage endCursor }"

PRESENT = """query Present($ids: [ID!]!) { nodes(ids: $ids) { id } }"""

SHOP = """query Shop {
  shop { name myshopifyDomain ianaTimezone currencyCode }
  currentAppInstallation { accessScopes { handle } }
}"""

ORDERS_LIST = f"""query OrdersList($query: String!, $first: Int!, $after: String) {{
  orders(query: $query, sortKey: UPDATED_AT, first: $first, after: $after) {{
    nodes {{ id updatedAt }} {_PAGE}
  }}
}}"""

ORDERS_DETAIL = f"""query OrdersDetail($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Order {{
      {_ORDER_HEAD}
      transactions(first: {TRANSACTIONS}) {{ {_TRANSACTION} }}
      shippingLines(first: {SHIPPING_LINES}) {{ nodes {{ {_SHIPPING} }} {_PAGE} }}
      lineItems(first: {LINES}) {{ nodes {{ {_LINE} }} {_PAGE} }}
    }}
  }}
}}"""

MORE_LINES = f"""query MoreLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 40, after: $after) {{ nodes {{ {_LINE} }} {_PAGE} }} }}
}}"""

MORE_SHIPPING_LINES = f"""query MoreShippingLines($id: ID!, $after: String) {{
  order(id: $id) {{
    shippingLines(first: 50, after: $after) {{ nodes {{ {_SHIPPING} }} {_PAGE} }}
  }}
}}"""

# A plain list without cursor: everything at once.
MORE_TRANSACTIONS = f"""query MoreTransactions($id: ID!) {{
  order(id: $id) {{ transactions(first: 100) {{ {_TRANSACTION} }} }}
}}"""

_SALE = f"""
  id lineType quantity
  totalAmount {_BAG} totalDiscountAmountAfterTaxes {_BAG} totalDiscountAmountBeforeTaxes {_BAG}
  taxes {{ amount {_BAG} taxLine {{ title rate channelLiable }} }}
  ... on ProductSale {{ lineItem {{ id }} }}
  ... on GiftCardSale {{ lineItem {{ id }} }}
  ... on ShippingLineSale {{ shippingLine {{ id }} }}
"""

# What was sold, edit by edit, each with its own id: an edit and a refund both lower a line's
# quantity and both appear under `refunds`, but only one of them under the reason ORDER_EDIT.
AGREEMENTS = f"""query Agreements($id: ID!, $after: String) {{
  order(id: $id) {{
    agreements(first: 1, after: $after) {{
      nodes {{
        id reason happenedAt
        sales(first: 40) {{
          nodes {{ {_SALE} }}
          {_PAGE}
        }}
      }}
      {_PAGE}
    }}
  }}
}}"""

# `$after` is the cursor before the agreement, so that the same one is read again.
MORE_SALES = f"""query MoreSales($id: ID!, $after: String, $sales: String) {{
  order(id: $id) {{
    agreements(first: 1, after: $after) {{
      nodes {{ id sales(first: 40, after: $sales) {{ nodes {{ {_SALE} }} {_PAGE} }} }}
    }}
  }}
}}"""

CUSTOMERS_LIST = f"""query CustomersList($query: String!, $first: Int!, $after: String) {{
  customers(query: $query, sortKey: UPDATED_AT, first: $first, after: $after) {{
    nodes {{ id updatedAt }} {_PAGE}
  }}
}}"""

CUSTOMERS_DETAIL = f"""query CustomersDetail($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Customer {{
      {_CUSTOMER}
      addressesV2(first: 10) {{ nodes {_ADDRESS_NODE} {_PAGE} }}
    }}
  }}
}}"""

MORE_ADDRESSES = f"""query MoreAddresses($id: ID!, $after: String) {{
  customer(id: $id) {{
    addressesV2(first: 50, after: $after) {{ nodes {_ADDRESS_NODE} {_PAGE} }}
  }}
}}"""

# Bulk documents have no variables; `first` is not needed. Children come as lines of their own.
ORDERS_BULK = f"""{{
  orders(query: "$QUERY", sortKey: UPDATED_AT) {{
    edges {{ node {{
      __typename {_ORDER_HEAD}
      transactions {{ {_TRANSACTION} }}
      shippingLines {{ edges {{ node {{ __typename {_SHIPPING} }} }} }}
      lineItems {{ edges {{ node {{ __typename {_LINE} }} }} }}
    }} }}
  }}
}}"""

CUSTOMERS_BULK = f"""{{
  customers(query: "$QUERY", sortKey: UPDATED_AT) {{
    edges {{ node {{
      __typename {_CUSTOMER}
      addressesV2 {{ edges {{ node {{ __typename id {_ADDRESS[1:-1]} }} }} }}
    }} }}
  }}
}}"""

BULK_RUN = """mutation BulkRun($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id status }
    userErrors { code field message }
  }
}"""

BULK_STATUS = """query BulkStatus($id: ID!) {
  bulkOperation(id: $id) {
    id status errorCode objectCount rootObjectCount url partialDataUrl
  }
}"""

WEBHOOK_LIST = f"""query WebhookList($after: String) {{
  webhookSubscriptions(first: 100, after: $after) {{ nodes {{ id topic uri format }} {_PAGE} }}
}}"""

WEBHOOK_CREATE = """mutation WebhookCreate($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""

WEBHOOK_UPDATE = """mutation WebhookUpdate($id: ID!, $uri: String!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: {uri: $uri}) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""
