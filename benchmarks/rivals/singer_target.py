"""A Singer target for the ERP: python singer_target.py --config CONFIG (url)."""

import requests
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th


class Orders(BatchSink):
    max_size = 100

    def process_batch(self, context):
        documents = context["records"]
        if not hasattr(self, "session"):
            self.session = requests.Session()
        answer = self.session.post(f"{self.config['url']}/batch", json={"orders": documents})
        answer.raise_for_status()
        assert len(answer.json()["results"]) == len(documents)


class TargetErp(Target):
    name = "target-erp"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType)).to_dict()
    default_sink_class = Orders


if __name__ == "__main__":
    TargetErp.cli()
