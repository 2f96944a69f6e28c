"""The part of the schema an order's life needs: shipping, refunds, cancelling, customers written.

Must not: hold a field the state does not carry; see `schema`.
"""

__all__ = ["ORDER_LIFE"]

_PAGING = "first: Int, after: String, last: Int, before: String, reverse: Boolean"

ORDER_LIFE = f"""
enum FulfillmentOrderStatus {{ CANCELLED CLOSED INCOMPLETE IN_PROGRESS ON_HOLD OPEN SCHEDULED }}
enum FulfillmentHoldReason {{
  AWAITING_PAYMENT AWAITING_RETURN_ITEMS HIGH_RISK_OF_FRAUD INCORRECT_ADDRESS
  INVENTORY_OUT_OF_STOCK ONLINE_STORE_POST_PURCHASE_CROSS_SELL OTHER UNKNOWN_DELIVERY_DATE
}}
type FulfillmentHold {{ id: ID! reason: FulfillmentHoldReason! reasonNotes: String }}
type FulfillmentOrderAssignedLocation {{ name: String! location: Location }}
type FulfillmentOrderLineItem {{
  id: ID! lineItem: LineItem! remainingQuantity: Int! totalQuantity: Int!
}}
type FulfillmentOrderLineItemEdge {{ cursor: String! node: FulfillmentOrderLineItem! }}
type FulfillmentOrderLineItemConnection {{
  nodes: [FulfillmentOrderLineItem!]! edges: [FulfillmentOrderLineItemEdge!]! pageInfo: PageInfo!
}}
type FulfillmentOrder implements Node {{
  id: ID! status: FulfillmentOrderStatus! assignedLocation: FulfillmentOrderAssignedLocation!
  fulfillmentHolds: [FulfillmentHold!]!
  lineItems({_PAGING}): FulfillmentOrderLineItemConnection!
}}
type FulfillmentOrderEdge {{ cursor: String! node: FulfillmentOrder! }}
type FulfillmentOrderConnection {{
  nodes: [FulfillmentOrder!]! edges: [FulfillmentOrderEdge!]! pageInfo: PageInfo!
}}

enum FulfillmentStatus {{ CANCELLED ERROR FAILURE OPEN PENDING SUCCESS }}
type FulfillmentTrackingInfo {{ company: String number: String url: URL }}
type FulfillmentLineItem {{ id: ID! lineItem: LineItem! quantity: Int }}
type FulfillmentLineItemEdge {{ cursor: String! node: FulfillmentLineItem! }}
type FulfillmentLineItemConnection {{
  nodes: [FulfillmentLineItem!]! edges: [FulfillmentLineItemEdge!]! pageInfo: PageInfo!
}}
type Fulfillment implements Node {{
  id: ID! name: String! status: FulfillmentStatus! createdAt: DateTime! updatedAt: DateTime!
  location: Location order: Order! trackingInfo(first: Int): [FulfillmentTrackingInfo!]!
  fulfillmentLineItems({_PAGING}): FulfillmentLineItemConnection!
}}

enum RefundLineItemRestockType {{ CANCEL LEGACY_RESTOCK NO_RESTOCK RETURN }}
type RefundLineItem {{
  id: ID lineItem: LineItem! quantity: Int! restockType: RefundLineItemRestockType!
  restocked: Boolean! subtotalSet: MoneyBag! totalTaxSet: MoneyBag! location: Location
}}
type RefundLineItemEdge {{ cursor: String! node: RefundLineItem! }}
type RefundLineItemConnection {{
  nodes: [RefundLineItem!]! edges: [RefundLineItemEdge!]! pageInfo: PageInfo!
}}
type RefundShippingLine {{
  id: ID! shippingLine: ShippingLine! subtotalAmountSet: MoneyBag! taxAmountSet: MoneyBag!
}}
type RefundShippingLineEdge {{ cursor: String! node: RefundShippingLine! }}
type RefundShippingLineConnection {{
  nodes: [RefundShippingLine!]! edges: [RefundShippingLineEdge!]! pageInfo: PageInfo!
}}
enum OrderAdjustmentDiscrepancyReason {{
  CUSTOMER DAMAGE FULL_RETURN_BALANCING_ADJUSTMENT PENDING_REFUND_DISCREPANCY REFUND_DISCREPANCY
  RESTOCK
}}
type OrderAdjustment {{
  id: ID! amountSet: MoneyBag! reason: OrderAdjustmentDiscrepancyReason taxAmountSet: MoneyBag!
}}
type OrderAdjustmentEdge {{ cursor: String! node: OrderAdjustment! }}
type OrderAdjustmentConnection {{
  nodes: [OrderAdjustment!]! edges: [OrderAdjustmentEdge!]! pageInfo: PageInfo!
}}
type OrderTransactionEdge {{ cursor: String! node: OrderTransaction! }}
type OrderTransactionConnection {{
  nodes: [OrderTransaction!]! edges: [OrderTransactionEdge!]! pageInfo: PageInfo!
}}
type Refund implements Node {{
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime processedAt: DateTime!
  updatedAt: DateTime! note: String order: Order! totalRefundedSet: MoneyBag!
  orderAdjustments({_PAGING}): OrderAdjustmentConnection!
  refundLineItems({_PAGING}): RefundLineItemConnection!
  refundShippingLines({_PAGING}): RefundShippingLineConnection!
  transactions({_PAGING}): OrderTransactionConnection!
}}

extend type OrderTransaction implements Node {{ order: Order }}
extend type Order {{
  fulfillmentOrders({_PAGING}, displayable: Boolean, query: String): FulfillmentOrderConnection!
  fulfillments(first: Int, query: String): [Fulfillment!]!
  refunds(first: Int): [Refund!]!
}}

interface DisplayableError {{ field: [String!] message: String! }}
input FulfillmentTrackingInput {{
  number: String url: URL company: String numbers: [String!] urls: [URL!]
}}
input FulfillmentOrderLineItemInput {{ id: ID! quantity: Int! }}
input FulfillmentOrderLineItemsInput {{
  fulfillmentOrderId: ID! fulfillmentOrderLineItems: [FulfillmentOrderLineItemInput!]
}}
input FulfillmentInput {{
  trackingInfo: FulfillmentTrackingInput notifyCustomer: Boolean = false
  lineItemsByFulfillmentOrder: [FulfillmentOrderLineItemsInput!]!
}}
type FulfillmentCreatePayload {{ fulfillment: Fulfillment userErrors: [UserError!]! }}
type FulfillmentCancelPayload {{ fulfillment: Fulfillment userErrors: [UserError!]! }}
type FulfillmentTrackingInfoUpdatePayload {{ fulfillment: Fulfillment userErrors: [UserError!]! }}

type Job {{ id: ID! done: Boolean! }}
enum OrderCancelUserErrorCode {{
  INTERNAL_ERROR INVALID NOT_FOUND NO_REFUND_PERMISSION NO_REFUND_TO_STORE_CREDIT_PERMISSION
}}
type OrderCancelUserError implements DisplayableError {{
  code: OrderCancelUserErrorCode field: [String!] message: String!
}}
input OrderCancelRefundMethodInput {{ originalPaymentMethodsRefund: Boolean }}
type OrderCancelPayload {{ job: Job orderCancelUserErrors: [OrderCancelUserError!]! }}

input MailingAddressInput {{
  address1: String address2: String city: String company: String countryCode: CountryCode
  firstName: String lastName: String phone: String provinceCode: String zip: String
}}
input CustomerInput {{
  id: ID email: String phone: String firstName: String lastName: String note: String
  addresses: [MailingAddressInput!]
}}
input CustomerSetInput {{
  email: String phone: String firstName: String lastName: String note: String
  addresses: [MailingAddressInput!]
}}
input CustomerIdentifierInput {{ id: ID emailAddress: String phoneNumber: String }}
input CustomerSetIdentifiers {{ id: ID email: String phone: String }}
enum CustomerSetUserErrorCode {{ INVALID NOT_FOUND TAKEN }}
type CustomerSetUserError implements DisplayableError {{
  code: CustomerSetUserErrorCode field: [String!] message: String!
}}
type CustomerUpdatePayload {{ customer: Customer userErrors: [UserError!]! }}
type CustomerSetPayload {{ customer: Customer userErrors: [CustomerSetUserError!]! }}
type CustomerAddressCreatePayload {{ address: MailingAddress userErrors: [UserError!]! }}
type CustomerAddressUpdatePayload {{ address: MailingAddress userErrors: [UserError!]! }}

extend type QueryRoot {{
  job(id: ID!): Job
  customerByIdentifier(identifier: CustomerIdentifierInput!): Customer
}}
extend type Mutation {{
  fulfillmentCreate(fulfillment: FulfillmentInput!, message: String): FulfillmentCreatePayload
  fulfillmentCancel(id: ID!): FulfillmentCancelPayload
  fulfillmentTrackingInfoUpdate(
    fulfillmentId: ID!, trackingInfoInput: FulfillmentTrackingInput!, notifyCustomer: Boolean
  ): FulfillmentTrackingInfoUpdatePayload
  orderCancel(
    orderId: ID!, reason: OrderCancelReason!, restock: Boolean!, notifyCustomer: Boolean = false,
    refundMethod: OrderCancelRefundMethodInput, staffNote: String
  ): OrderCancelPayload
  customerUpdate(input: CustomerInput!): CustomerUpdatePayload
  customerSet(input: CustomerSetInput!, identifier: CustomerSetIdentifiers): CustomerSetPayload
  customerAddressCreate(
    customerId: ID!, address: MailingAddressInput!, setAsDefault: Boolean
  ): CustomerAddressCreatePayload
  customerAddressUpdate(
    customerId: ID!, addressId: ID!, address: MailingAddressInput!, setAsDefault: Boolean
  ): CustomerAddressUpdatePayload
}}
"""
