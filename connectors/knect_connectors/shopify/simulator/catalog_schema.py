"""The catalog's part of the schema: products, variants, stock, price lists, and what changes them.

Must not: hold a field the state does not carry; `schema` joins the parts.
"""

__all__ = ["CATALOG"]

_PAGING = "first: Int, after: String, last: Int, before: String, reverse: Boolean"


def _connection(name: str) -> str:
    return (
        f"type {name}Edge {{ cursor: String! node: {name}! }}\n"
        f"type {name}Connection {{ nodes: [{name}!]! edges: [{name}Edge!]! pageInfo: PageInfo! }}\n"
    )


def _user_error(name: str) -> str:
    return (
        f"type {name}UserError {{ code: {name}UserErrorCode field: [String!] message: String! }}\n"
    )


CATALOG = f"""
directive @idempotent(key: String!) on FIELD

scalar Money
scalar HTML

enum ProductStatus {{ ACTIVE ARCHIVED DRAFT UNLISTED }}
enum MediaContentType {{ VIDEO EXTERNAL_VIDEO MODEL_3D IMAGE }}
enum MediaStatus {{ UPLOADED PROCESSING READY FAILED }}
enum WeightUnit {{ GRAMS KILOGRAMS OUNCES POUNDS }}
enum MetafieldOwnerType {{ PRODUCT PRODUCTVARIANT }}
enum LocationSortKeys {{ ID NAME }}
enum PriceListSortKeys {{ ID NAME }}
enum ProductVariantSortKeys {{ ID POSITION SKU }}
enum PriceListPriceOriginType {{ FIXED RELATIVE }}
enum ProductVariantsBulkCreateStrategy {{
  DEFAULT PRESERVE_STANDALONE_VARIANT REMOVE_STANDALONE_VARIANT
}}
enum ProductOptionCreateVariantStrategy {{ LEAVE_AS_IS CREATE }}
enum InventorySetQuantitiesUserErrorCode {{
  INVALID_INVENTORY_ITEM INVALID_LOCATION INVALID_NAME INVALID_REASON INVALID_QUANTITY_TOO_HIGH
  INVALID_QUANTITY_NEGATIVE ITEM_NOT_STOCKED_AT_LOCATION CHANGE_FROM_QUANTITY_STALE
  NON_MUTABLE_INVENTORY_ITEM NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR
  IDEMPOTENCY_KEY_PARAMETER_MISMATCH
}}
enum ProductVariantsBulkUpdateUserErrorCode {{
  INVALID_INPUT PRODUCT_DOES_NOT_EXIST PRODUCT_VARIANT_DOES_NOT_EXIST PRODUCT_VARIANT_ID_MISSING
  NEGATIVE_PRICE_VALUE VARIANT_ALREADY_EXISTS
}}
enum ProductVariantsBulkCreateUserErrorCode {{
  INVALID_INPUT PRODUCT_DOES_NOT_EXIST VARIANT_ALREADY_EXISTS NEED_TO_ADD_OPTION_VALUES
  NEGATIVE_PRICE_VALUE SUBSCRIPTION_VIOLATION
}}
enum PriceListPriceUserErrorCode {{
  PRICE_LIST_NOT_FOUND PRICE_LIST_CURRENCY_MISMATCH VARIANT_NOT_FOUND
}}
enum ProductOptionsCreateUserErrorCode {{
  OPTION_ALREADY_EXISTS OPTIONS_OVER_LIMIT PRODUCT_DOES_NOT_EXIST
}}
enum MetafieldDefinitionCreateUserErrorCode {{ TAKEN INVALID }}

type Metafield implements Node {{
  id: ID! namespace: String! key: String! type: String! value: String!
}}
type ProductOptionValue {{ id: ID! name: String! }}
type ProductOption {{
  id: ID! name: String! position: Int! values: [String!]! optionValues: [ProductOptionValue!]!
}}
type SelectedOption {{ name: String! value: String! }}
type Weight {{ unit: WeightUnit! value: Float! }}
type InventoryItemMeasurement {{ weight: Weight }}
type Location implements Node {{ id: ID! name: String! isActive: Boolean! }}
type InventoryQuantity {{ name: String! quantity: Int! }}
type InventoryLevel implements Node {{
  id: ID! location: Location! quantities(names: [String!]!): [InventoryQuantity!]!
}}
type InventoryItem implements Node {{
  id: ID! sku: String tracked: Boolean! requiresShipping: Boolean! updatedAt: DateTime!
  measurement: InventoryItemMeasurement!
  inventoryLevel(locationId: ID!): InventoryLevel
  inventoryLevels({_PAGING}): InventoryLevelConnection!
  variants(first: Int, after: String, last: Int, before: String): ProductVariantConnection
}}
interface Media {{
  id: ID! alt: String mediaContentType: MediaContentType! status: MediaStatus!
}}
type MediaImage implements Media & Node {{
  id: ID! alt: String mediaContentType: MediaContentType! status: MediaStatus!
}}
extend type Product implements Node {{
  legacyResourceId: UnsignedInt64! title: String! descriptionHtml: HTML! vendor: String!
  status: ProductStatus! tags: [String!]! handle: String! updatedAt: DateTime!
  options(first: Int): [ProductOption!]! variants({_PAGING}): ProductVariantConnection!
  media({_PAGING}): MediaConnection! metafield(namespace: String, key: String!): Metafield
}}
extend type ProductVariant implements Node {{
  legacyResourceId: UnsignedInt64! title: String! displayName: String! barcode: String
  price: Money! compareAtPrice: Money requiresComponents: Boolean! position: Int!
  selectedOptions: [SelectedOption!]! product: Product! inventoryItem: InventoryItem!
  updatedAt: DateTime! metafield(namespace: String, key: String!): Metafield
}}
type PriceListPrice {{
  price: MoneyV2! compareAtPrice: MoneyV2 originType: PriceListPriceOriginType!
  variant: ProductVariant!
}}
type PriceList implements Node {{
  id: ID! name: String! currency: CurrencyCode!
  prices(originType: PriceListPriceOriginType, {_PAGING}, query: String): PriceListPriceConnection!
}}
{_connection("InventoryLevel")}{_connection("ProductVariant")}{_connection("Location")}
{_connection("Media")}{_connection("PriceListPrice")}{_connection("PriceList")}

input InventoryQuantityInput {{
  inventoryItemId: ID! locationId: ID! quantity: Int! changeFromQuantity: Int
}}
input InventorySetQuantitiesInput {{
  reason: String! name: String! referenceDocumentUri: String
  quantities: [InventoryQuantityInput!]!
}}
input MetafieldInput {{ id: ID namespace: String key: String value: String type: String }}
input OptionValueCreateInput {{ name: String }}
input OptionCreateInput {{ name: String position: Int values: [OptionValueCreateInput!] }}
input ProductCreateInput {{
  title: String descriptionHtml: String vendor: String tags: [String!] status: ProductStatus
  productOptions: [OptionCreateInput!] metafields: [MetafieldInput!]
}}
input ProductUpdateInput {{
  id: ID title: String descriptionHtml: String vendor: String tags: [String!]
  status: ProductStatus metafields: [MetafieldInput!]
}}
input CreateMediaInput {{
  originalSource: String! alt: String mediaContentType: MediaContentType!
}}
input WeightInput {{ unit: WeightUnit! value: Float! }}
input InventoryItemMeasurementInput {{ weight: WeightInput }}
input InventoryItemInput {{
  sku: String tracked: Boolean requiresShipping: Boolean
  measurement: InventoryItemMeasurementInput
}}
input VariantOptionValueInput {{ optionName: String name: String }}
input ProductVariantsBulkInput {{
  id: ID barcode: String price: Money compareAtPrice: Money inventoryItem: InventoryItemInput
  optionValues: [VariantOptionValueInput!] metafields: [MetafieldInput!]
}}
input UniqueMetafieldValueInput {{ namespace: String key: String! value: String! }}
input ProductIdentifierInput {{ id: ID customId: UniqueMetafieldValueInput handle: String }}
input MoneyInput {{ amount: Decimal! currencyCode: CurrencyCode! }}
input PriceListPriceInput {{ variantId: ID! price: MoneyInput! compareAtPrice: MoneyInput }}
input MetafieldDefinitionInput {{
  namespace: String key: String! name: String! ownerType: MetafieldOwnerType! type: String!
}}

type InventoryAdjustmentGroup implements Node {{
  id: ID! createdAt: DateTime! reason: String!
}}
{_user_error("InventorySetQuantities")}{_user_error("ProductVariantsBulkUpdate")}
{_user_error("ProductVariantsBulkCreate")}{_user_error("PriceListPrice")}
{_user_error("ProductOptionsCreate")}{_user_error("MetafieldDefinitionCreate")}
type InventorySetQuantitiesPayload {{
  inventoryAdjustmentGroup: InventoryAdjustmentGroup
  userErrors: [InventorySetQuantitiesUserError!]!
}}
type InventoryActivatePayload {{ inventoryLevel: InventoryLevel userErrors: [UserError!]! }}
type ProductCreatePayload {{ product: Product userErrors: [UserError!]! }}
type ProductUpdatePayload {{ product: Product userErrors: [UserError!]! }}
type ProductOptionsCreatePayload {{
  product: Product userErrors: [ProductOptionsCreateUserError!]!
}}
type ProductVariantsBulkUpdatePayload {{
  productVariants: [ProductVariant!] userErrors: [ProductVariantsBulkUpdateUserError!]!
}}
type ProductVariantsBulkCreatePayload {{
  productVariants: [ProductVariant!] userErrors: [ProductVariantsBulkCreateUserError!]!
}}
type PriceListFixedPricesAddPayload {{
  prices: [PriceListPrice!] userErrors: [PriceListPriceUserError!]!
}}
type MetafieldDefinition implements Node {{ id: ID! namespace: String! key: String! }}
type MetafieldDefinitionCreatePayload {{
  createdDefinition: MetafieldDefinition userErrors: [MetafieldDefinitionCreateUserError!]!
}}

extend type QueryRoot {{
  product(id: ID!): Product
  productByIdentifier(identifier: ProductIdentifierInput!): Product
  productVariants(
    {_PAGING}, sortKey: ProductVariantSortKeys = ID, query: String
  ): ProductVariantConnection!
  locations(
    {_PAGING}, sortKey: LocationSortKeys = NAME, query: String, includeInactive: Boolean = false
  ): LocationConnection!
  priceList(id: ID!): PriceList
  priceLists({_PAGING}, sortKey: PriceListSortKeys = ID): PriceListConnection!
}}
extend type Mutation {{
  inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload
  inventoryActivate(
    inventoryItemId: ID!, locationId: ID!, available: Int, onHand: Int
  ): InventoryActivatePayload
  productCreate(product: ProductCreateInput, media: [CreateMediaInput!]): ProductCreatePayload
  productUpdate(product: ProductUpdateInput, media: [CreateMediaInput!]): ProductUpdatePayload
  productOptionsCreate(
    productId: ID!, options: [OptionCreateInput!]!
    variantStrategy: ProductOptionCreateVariantStrategy = LEAVE_AS_IS
  ): ProductOptionsCreatePayload
  productVariantsBulkUpdate(
    productId: ID!, variants: [ProductVariantsBulkInput!]!, allowPartialUpdates: Boolean = false
  ): ProductVariantsBulkUpdatePayload
  productVariantsBulkCreate(
    productId: ID!, variants: [ProductVariantsBulkInput!]!
    strategy: ProductVariantsBulkCreateStrategy = DEFAULT
  ): ProductVariantsBulkCreatePayload
  priceListFixedPricesAdd(
    priceListId: ID!, prices: [PriceListPriceInput!]!
  ): PriceListFixedPricesAddPayload
  metafieldDefinitionCreate(
    definition: MetafieldDefinitionInput!
  ): MetafieldDefinitionCreatePayload
}}
"""
