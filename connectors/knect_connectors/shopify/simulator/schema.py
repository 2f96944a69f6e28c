"""The part of Shopify's Admin GraphQL schema the simulator serves, in our own compact words.

Why: queries are validated against it, so a misspelled field fails here as it would there. The
tests compare every type and field with the vendor's own schema where that is at hand.
Must not: hold a field the state does not carry.
"""

from graphql import GraphQLSchema, build_schema

from knect_connectors.shopify.simulator.catalog_schema import CATALOG
from knect_connectors.shopify.simulator.schema_orders import ORDER_LIFE

__all__ = ["SCHEMA"]

_PAGING = "first: Int, after: String, last: Int, before: String, reverse: Boolean"

_SDL = f"""
schema {{ query: QueryRoot mutation: Mutation }}

scalar DateTime
scalar Decimal
scalar URL
scalar UnsignedInt64
scalar CurrencyCode
scalar CountryCode

interface Node {{ id: ID! }}

type PageInfo {{
  hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
}}
type MoneyV2 {{ amount: Decimal! currencyCode: CurrencyCode! }}
type MoneyBag {{ shopMoney: MoneyV2! presentmentMoney: MoneyV2! }}
type Attribute {{ key: String! value: String }}
type TaxLine {{
  title: String! rate: Float ratePercentage: Float channelLiable: Boolean priceSet: MoneyBag!
}}
type DiscountAllocation {{ allocatedAmountSet: MoneyBag! }}
type Duty {{ id: ID! price: MoneyBag! taxLines: [TaxLine!]! }}
type AdditionalFee {{ id: ID! name: String! price: MoneyBag! taxLines: [TaxLine!]! }}
type Product {{ id: ID! }}
type ProductVariant {{ id: ID! sku: String }}
type LineItemGroup {{ id: ID! }}
type MailingAddress {{
  id: ID! name: String firstName: String lastName: String company: String address1: String
  address2: String city: String zip: String provinceCode: String province: String
  country: String countryCodeV2: CountryCode phone: String
}}
type CustomerEmailAddress {{ emailAddress: String! }}
type CustomerPhoneNumber {{ phoneNumber: String! }}

type LineItem {{
  id: ID! sku: String title: String! name: String! variantTitle: String
  quantity: Int! currentQuantity: Int! isGiftCard: Boolean! requiresShipping: Boolean!
  originalUnitPriceSet: MoneyBag! taxLines(first: Int): [TaxLine!]!
  discountAllocations: [DiscountAllocation!]! variant: ProductVariant product: Product
  lineItemGroup: LineItemGroup customAttributes: [Attribute!]! duties: [Duty!]!
}}
type LineItemEdge {{ cursor: String! node: LineItem! }}
type LineItemConnection {{ nodes: [LineItem!]! edges: [LineItemEdge!]! pageInfo: PageInfo! }}

type ShippingLine {{
  id: ID title: String! code: String isRemoved: Boolean! originalPriceSet: MoneyBag!
  taxLines: [TaxLine!]! discountAllocations: [DiscountAllocation!]!
}}
type ShippingLineEdge {{ cursor: String! node: ShippingLine! }}
type ShippingLineConnection {{
  nodes: [ShippingLine!]! edges: [ShippingLineEdge!]! pageInfo: PageInfo!
}}

enum OrderTransactionKind {{
  AUTHORIZATION CAPTURE CHANGE EMV_AUTHORIZATION REFUND SALE SUGGESTED_REFUND VOID
}}
enum OrderTransactionStatus {{ AWAITING_RESPONSE ERROR FAILURE PENDING SUCCESS UNKNOWN }}
type OrderTransaction {{
  id: ID! kind: OrderTransactionKind! status: OrderTransactionStatus! gateway: String
  paymentId: String test: Boolean! processedAt: DateTime createdAt: DateTime!
  amountSet: MoneyBag! amountRoundingSet: MoneyBag parentTransaction: OrderTransaction
}}

enum OrderActionType {{ ORDER ORDER_EDIT REFUND RETURN UNKNOWN }}
enum SaleActionType {{ ORDER RETURN UPDATE UNKNOWN }}
enum SaleLineType {{
  PRODUCT TIP GIFT_CARD SHIPPING DUTY ADDITIONAL_FEE FEE UNKNOWN ADJUSTMENT
}}
type SaleTax {{ id: ID! amount: MoneyBag! taxLine: TaxLine! }}
interface Sale {{
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag! totalDiscountAmountBeforeTaxes: MoneyBag!
  taxes: [SaleTax!]!
}}
type ProductSale implements Sale {{
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag! totalDiscountAmountBeforeTaxes: MoneyBag!
  taxes: [SaleTax!]! lineItem: LineItem!
}}
type GiftCardSale implements Sale {{
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag! totalDiscountAmountBeforeTaxes: MoneyBag!
  taxes: [SaleTax!]! lineItem: LineItem!
}}
type ShippingLineSale implements Sale {{
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag! totalDiscountAmountBeforeTaxes: MoneyBag!
  taxes: [SaleTax!]! shippingLine: ShippingLine
}}
type TipSale implements Sale {{
  id: ID! actionType: SaleActionType! lineType: SaleLineType! quantity: Int
  totalAmount: MoneyBag! totalTaxAmount: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag! totalDiscountAmountBeforeTaxes: MoneyBag!
  taxes: [SaleTax!]!
}}
type SaleEdge {{ cursor: String! node: Sale! }}
type SaleConnection {{ nodes: [Sale!]! edges: [SaleEdge!]! pageInfo: PageInfo! }}
interface SalesAgreement {{
  id: ID! reason: OrderActionType! happenedAt: DateTime! sales({_PAGING}): SaleConnection!
}}
type OrderAgreement implements SalesAgreement {{
  id: ID! reason: OrderActionType! happenedAt: DateTime! sales({_PAGING}): SaleConnection!
}}
type SalesAgreementEdge {{ cursor: String! node: SalesAgreement! }}
type SalesAgreementConnection {{
  nodes: [SalesAgreement!]! edges: [SalesAgreementEdge!]! pageInfo: PageInfo!
}}

enum OrderCancelReason {{ CUSTOMER DECLINED FRAUD INVENTORY OTHER STAFF }}
enum OrderDisplayFinancialStatus {{
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}}
enum OrderDisplayFulfillmentStatus {{
  FULFILLED IN_PROGRESS ON_HOLD OPEN PARTIALLY_FULFILLED PENDING_FULFILLMENT REQUEST_DECLINED
  RESTOCKED SCHEDULED UNFULFILLED
}}
type Order implements Node {{
  id: ID! legacyResourceId: UnsignedInt64! name: String! number: Int!
  createdAt: DateTime! processedAt: DateTime! updatedAt: DateTime!
  cancelledAt: DateTime cancelReason: OrderCancelReason closedAt: DateTime
  test: Boolean! edited: Boolean! poNumber: String sourceName: String note: String
  tags: [String!]! taxesIncluded: Boolean! dutiesIncluded: Boolean! taxExempt: Boolean!
  currencyCode: CurrencyCode! presentmentCurrencyCode: CurrencyCode!
  displayFinancialStatus: OrderDisplayFinancialStatus
  displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
  customerLocale: String email: String phone: String discountCodes: [String!]!
  customAttributes: [Attribute!]!
  totalPriceSet: MoneyBag! currentTotalPriceSet: MoneyBag! subtotalPriceSet: MoneyBag
  totalDiscountsSet: MoneyBag totalShippingPriceSet: MoneyBag! totalTaxSet: MoneyBag
  totalTipReceivedSet: MoneyBag!
  customer: Customer billingAddress: MailingAddress shippingAddress: MailingAddress
  additionalFees: [AdditionalFee!]!
  transactions(first: Int, capturable: Boolean, manuallyResolvable: Boolean): [OrderTransaction!]!
  lineItems({_PAGING}): LineItemConnection!
  shippingLines(includeRemovals: Boolean, {_PAGING}): ShippingLineConnection!
  agreements({_PAGING}, query: String): SalesAgreementConnection!
}}
type OrderEdge {{ cursor: String! node: Order! }}
type OrderConnection {{ nodes: [Order!]! edges: [OrderEdge!]! pageInfo: PageInfo! }}
enum OrderSortKeys {{ CREATED_AT ID PROCESSED_AT UPDATED_AT }}

type MailingAddressEdge {{ cursor: String! node: MailingAddress! }}
type MailingAddressConnection {{
  nodes: [MailingAddress!]! edges: [MailingAddressEdge!]! pageInfo: PageInfo!
}}
type Customer implements Node {{
  id: ID! legacyResourceId: UnsignedInt64! firstName: String lastName: String
  displayName: String! locale: String! taxExempt: Boolean! tags: [String!]! note: String
  createdAt: DateTime! updatedAt: DateTime!
  defaultEmailAddress: CustomerEmailAddress defaultPhoneNumber: CustomerPhoneNumber
  defaultAddress: MailingAddress addressesV2({_PAGING}): MailingAddressConnection!
}}
type CustomerEdge {{ cursor: String! node: Customer! }}
type CustomerConnection {{ nodes: [Customer!]! edges: [CustomerEdge!]! pageInfo: PageInfo! }}
enum CustomerSortKeys {{ CREATED_AT ID UPDATED_AT }}

type Shop {{
  id: ID! name: String! myshopifyDomain: String! ianaTimezone: String!
  currencyCode: CurrencyCode!
}}
type AccessScope {{ handle: String! description: String! }}
type AppInstallation {{ id: ID! accessScopes: [AccessScope!]! }}

enum WebhookSubscriptionTopic {{
  ORDERS_CREATE ORDERS_UPDATED ORDERS_PAID ORDERS_CANCELLED ORDERS_EDITED ORDERS_DELETE
  CUSTOMERS_CREATE CUSTOMERS_UPDATE CUSTOMERS_DELETE
  ORDER_TRANSACTIONS_CREATE REFUNDS_CREATE FULFILLMENTS_CREATE FULFILLMENTS_UPDATE
}}
enum WebhookSubscriptionFormat {{ JSON XML }}
type WebhookSubscription {{
  id: ID! topic: WebhookSubscriptionTopic! uri: String! format: WebhookSubscriptionFormat!
}}
type WebhookSubscriptionEdge {{ cursor: String! node: WebhookSubscription! }}
type WebhookSubscriptionConnection {{
  nodes: [WebhookSubscription!]! edges: [WebhookSubscriptionEdge!]! pageInfo: PageInfo!
}}
input WebhookSubscriptionInput {{ uri: String format: WebhookSubscriptionFormat }}
type UserError {{ field: [String!] message: String! }}
type WebhookSubscriptionCreatePayload {{
  webhookSubscription: WebhookSubscription userErrors: [UserError!]!
}}
type WebhookSubscriptionUpdatePayload {{
  webhookSubscription: WebhookSubscription userErrors: [UserError!]!
}}

enum BulkOperationStatus {{ CANCELED CANCELING COMPLETED CREATED EXPIRED FAILED RUNNING }}
enum BulkOperationErrorCode {{ ACCESS_DENIED INTERNAL_SERVER_ERROR TIMEOUT }}
enum BulkOperationUserErrorCode {{ INVALID OPERATION_IN_PROGRESS LIMIT_REACHED }}
type BulkOperation {{
  id: ID! status: BulkOperationStatus! errorCode: BulkOperationErrorCode
  objectCount: UnsignedInt64! rootObjectCount: UnsignedInt64! url: URL partialDataUrl: URL
}}
type BulkOperationUserError {{
  code: BulkOperationUserErrorCode field: [String!] message: String!
}}
type BulkOperationRunQueryPayload {{
  bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]!
}}

type QueryRoot {{
  shop: Shop!
  currentAppInstallation: AppInstallation!
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  order(id: ID!): Order
  customer(id: ID!): Customer
  orders({_PAGING}, sortKey: OrderSortKeys = PROCESSED_AT, query: String): OrderConnection!
  customers({_PAGING}, sortKey: CustomerSortKeys = ID, query: String): CustomerConnection!
  webhookSubscriptions({_PAGING}): WebhookSubscriptionConnection!
  bulkOperation(id: ID!): BulkOperation
}}
type Mutation {{
  webhookSubscriptionCreate(
    topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!
  ): WebhookSubscriptionCreatePayload
  webhookSubscriptionUpdate(
    id: ID!, webhookSubscription: WebhookSubscriptionInput!
  ): WebhookSubscriptionUpdatePayload
  bulkOperationRunQuery(
    query: String!, groupObjects: Boolean! = false
  ): BulkOperationRunQueryPayload
}}
"""

SCHEMA: GraphQLSchema = build_schema(_SDL + CATALOG + ORDER_LIFE)
