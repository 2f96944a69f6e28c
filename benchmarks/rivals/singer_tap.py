"""A Singer tap for the shop: python singer_tap.py --config CONFIG (url)."""

from mapping import mapped
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import JSONPathPaginator


class Orders(RESTStream):
    name = "orders"
    path = "/orders"
    primary_keys = ("number",)
    records_jsonpath = "$.orders[*]"
    schema = th.PropertiesList(
        th.Property("number", th.StringType),
        th.Property("customer", th.StringType),
        th.Property("currency", th.StringType),
        th.Property("total", th.StringType),
        th.Property("ship_to", th.ObjectType(additional_properties=True)),
        th.Property("lines", th.ArrayType(th.ObjectType(additional_properties=True))),
    ).to_dict()

    @property
    def url_base(self):
        return self.config["url"]

    def get_new_paginator(self):
        return JSONPathPaginator("$.next")

    def get_url_params(self, context, next_page_token):
        return {"cursor": next_page_token} if next_page_token else {}

    def post_process(self, row, context=None):
        return mapped(row)


class TapShop(Tap):
    name = "tap-shop"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType)).to_dict()

    def discover_streams(self):
        return [Orders(self)]


if __name__ == "__main__":
    TapShop.cli()
