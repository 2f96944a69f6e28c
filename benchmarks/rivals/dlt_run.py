"""dlt with a custom destination: python dlt_run.py URL FOLDER."""

import os
import sys

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
import requests
from mapping import mapped

URL, FOLDER = sys.argv[1:3]
session = requests.Session()


@dlt.resource(name="orders", max_table_nesting=0)
def orders():
    cursor = None
    while True:
        answer = session.get(f"{URL}/orders", params={"cursor": cursor} if cursor else {})
        answer.raise_for_status()
        page = answer.json()
        yield [mapped(order) for order in page["orders"]]
        cursor = page["next"]
        if cursor is None:
            return


@dlt.destination(batch_size=100, name="erp", skip_dlt_columns_and_tables=True, max_table_nesting=0)
def erp(items, table):
    answer = session.post(f"{URL}/batch", json={"orders": items})
    answer.raise_for_status()
    assert len(answer.json()["results"]) == len(items)


if __name__ == "__main__":
    pipeline = dlt.pipeline("bench", destination=erp, pipelines_dir=FOLDER)
    pipeline.run(orders())
