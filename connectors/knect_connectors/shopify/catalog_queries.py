"""The GraphQL documents of the catalog: products, variants, stock, price lists.

Must not: hold a mutation that replaces a list (`productSet`): what was not read would be deleted.
"""

__all__ = [
    "DEFINITION_CREATE",
    "INVENTORY_ACTIVATE",
    "INVENTORY_SET",
    "LEVELS",
    "LOCATIONS",
    "MORE_PRODUCT_VARIANTS",
    "OPTIONS_CREATE",
    "PRICES_ADD",
    "PRICES_FIXED",
    "PRICE_LISTS",
    "PRODUCT",
    "PRODUCT_BY_EXTERNAL_ID",
    "PRODUCT_CREATE",
    "PRODUCT_IMAGES",
    "PRODUCT_NOW",
    "PRODUCT_OWNERS",
    "PRODUCT_UPDATE",
    "VARIANTS_BY_SKU",
    "VARIANTS_CREATE",
    "VARIANTS_UPDATE",
    "VARIANT_PRICES",
]

_PAGE = "pageInfo { hasNextPage endCursor }"

VARIANTS_BY_SKU = f"""
query VariantsBySku($query: String!, $first: Int!, $after: String) {{
  productVariants(first: $first, query: $query, after: $after) {{
    nodes {{
      id sku displayName requiresComponents product {{ id }} inventoryItem {{ id tracked }}
    }} {_PAGE}
  }}
}}
"""

LOCATIONS = f"""
query Locations($after: String) {{
  locations(first: 250, after: $after, includeInactive: true) {{
    nodes {{ id name isActive }} {_PAGE}
  }}
}}
"""

LEVELS = """
query Levels($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id sku tracked variants(first: 1) { nodes { requiresComponents displayName } }
      inventoryLevel(locationId: $location) {
        id quantities(names: ["available"]) { name quantity }
      }
    }
  }
}
"""

INVENTORY_SET = """
mutation InventorySet($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id } userErrors { code field message }
  }
}
"""

INVENTORY_ACTIVATE = """
mutation InventoryActivate($item: ID!, $location: ID!, $available: Int!, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location, available: $available)
    @idempotent(key: $key) { inventoryLevel { id } userErrors { field message } }
}
"""

VARIANT_PRICES = """
query VariantPrices($ids: [ID!]!) {
  nodes(ids: $ids) { ... on ProductVariant { id price compareAtPrice } }
}
"""

VARIANTS_UPDATE = """
mutation VariantsUpdate($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $product, variants: $variants) {
    productVariants { id } userErrors { code field message }
  }
}
"""

VARIANTS_CREATE = """
mutation VariantsCreate(
  $product: ID!, $variants: [ProductVariantsBulkInput!]!
  $strategy: ProductVariantsBulkCreateStrategy!
) {
  productVariantsBulkCreate(productId: $product, variants: $variants, strategy: $strategy) {
    productVariants { id } userErrors { code field message }
  }
}
"""

PRICE_LISTS = f"""
query PriceLists($after: String) {{
  priceLists(first: 250, after: $after) {{ nodes {{ id name currency }} {_PAGE} }}
}}
"""

PRICES_FIXED = f"""
query PricesFixed($list: ID!, $query: String!, $after: String) {{
  priceList(id: $list) {{
    prices(first: 200, originType: FIXED, query: $query, after: $after) {{
      nodes {{ variant {{ id }} price {{ amount }} compareAtPrice {{ amount }} }} {_PAGE}
    }}
  }}
}}
"""

PRICES_ADD = """
mutation PricesAdd($list: ID!, $prices: [PriceListPriceInput!]!) {
  priceListFixedPricesAdd(priceListId: $list, prices: $prices) {
    prices { variant { id } } userErrors { code field message }
  }
}
"""

_METAFIELD = 'metafield(namespace: "knect", key: "external_id") { value }'
_VARIANT = f"""
  id sku barcode selectedOptions {{ name value }} {_METAFIELD}
  inventoryItem {{ id tracked requiresShipping measurement {{ weight {{ unit value }} }} }}
"""

PRODUCT = f"""
query Product($id: ID!) {{
  product(id: $id) {{
    id options {{ name }}
    variants(first: 100) {{ nodes {{ {_VARIANT} }} {_PAGE} }}
  }}
}}
"""

MORE_PRODUCT_VARIANTS = f"""
query MoreProductVariants($id: ID!, $after: String) {{
  product(id: $id) {{ variants(first: 100, after: $after) {{ nodes {{ {_VARIANT} }} {_PAGE} }} }}
}}
"""

PRODUCT_IMAGES = """
query ProductImages($id: ID!) {
  product(id: $id) { images: metafield(namespace: "knect", key: "images") { value } }
}
"""

PRODUCT_OWNERS = f"""
query ProductOwners($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Product {{ id title {_METAFIELD} }} }}
}}
"""

PRODUCT_NOW = """
query ProductNow($id: ID!) { product(id: $id) { tags status } }
"""

PRODUCT_BY_EXTERNAL_ID = """
query ProductByExternalId($identifier: ProductIdentifierInput!) {
  productByIdentifier(identifier: $identifier) { id title }
}
"""

PRODUCT_CREATE = """
mutation ProductCreate($product: ProductCreateInput!) {
  productCreate(product: $product) {
    product { id title } userErrors { field message }
  }
}
"""

PRODUCT_UPDATE = """
mutation ProductUpdate($product: ProductUpdateInput!, $media: [CreateMediaInput!]) {
  productUpdate(product: $product, media: $media) {
    product { id title } userErrors { field message }
  }
}
"""

OPTIONS_CREATE = """
mutation OptionsCreate($product: ID!, $options: [OptionCreateInput!]!) {
  productOptionsCreate(productId: $product, options: $options, variantStrategy: LEAVE_AS_IS) {
    product { id } userErrors { code field message }
  }
}
"""

DEFINITION_CREATE = """
mutation DefinitionCreate($definition: MetafieldDefinitionInput!) {
  metafieldDefinitionCreate(definition: $definition) {
    createdDefinition { id } userErrors { code field message }
  }
}
"""
