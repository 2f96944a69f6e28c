"""Good documents: what is read, and what a worker is told."""

from pathlib import Path

import pytest
from tests.unit.api.good import CATALOG, GOOD

from knect.api import WorkerDocument
from knect.api.documents import DocumentErrors, DocumentSet, SecretUnavailable, load_documents
from knect.engine.mapping import check_expression

KEY = ("default", "shop")


def read(folder: Path, text: str) -> DocumentSet:
    (folder / "all.yaml").write_text(text)
    return load_documents([folder], CATALOG, check_expression)


def test_good_documents_are_read(tmp_path: Path) -> None:
    documents = read(tmp_path, GOOD + "---\n---\napiVersion: apps/v1\nkind: Deployment\n")
    assert list(documents.connections) == [("default", "shop"), ("default", "erp")]
    assert documents.pipelines["default", "orders"].spec.mapping.set["reference"] == "order.name"
    assert documents.origins["SyncPipeline", ("default", "orders")].line == 30
    assert documents.ignored == ["apps/v1 Deployment"]


def test_what_kubectl_prints_can_be_read_back(tmp_path: Path) -> None:
    text = GOOD.replace(
        "metadata: {name: erp}",
        "metadata: {name: erp, uid: a-b, generation: 3, resourceVersion: '7', managedFields: [{a: b}]}",
    ).replace("role: Hub\n", "role: Hub\nstatus: {observedGeneration: 3, conditions: []}\n")
    assert read(tmp_path, text).connections["default", "erp"].metadata.generation == 3


def test_a_list_stands_for_its_items(tmp_path: Path) -> None:
    parts = [f"- {one.rstrip()}".replace("\n", "\n  ") for one in GOOD.split("---\n")]
    documents = read(tmp_path, "apiVersion: v1\nkind: List\nitems:\n" + "\n".join(parts) + "\n")
    assert len(documents.origins) == 5
    assert documents.origins["Connection", ("default", "shop")].line == 4


def test_a_worker_is_told_everything_but_secrets(tmp_path: Path) -> None:
    text = GOOD.replace("env:SHOP_TOKEN", "hunter2")
    document = read(tmp_path, text).to_worker_document()
    assert "hunter2" not in document.to_json()
    assert WorkerDocument.from_json(document.to_json()) == document
    (pipeline,) = document.pipelines
    assert pipeline.value_maps == {"carriers": {"DHL": "dhl"}}
    assert [end.spec.connector for end in document.ends(pipeline)] == ["shopify", "tryton"]


def test_secrets_come_from_the_document_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("from-a-file\n")
    extra = "  other: file:key.txt\n  plain: written-here\n"
    documents = read(tmp_path, GOOD.replace("env:SHOP_TOKEN\n", "env:SHOP_TOKEN\n" + extra))
    found = documents.secrets_of(documents.connections[KEY], {"SHOP_TOKEN": "from-env"})
    assert {key: value.get_secret_value() for key, value in found.items()} == {
        "token": "from-env",
        "other": "from-a-file",
        "plain": "written-here",
    }
    assert repr(found) == "{'token': ***, 'other': ***, 'plain': ***}"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "key 'token' of Secret 'shop-keys' is taken from the environment variable NOT_SET, which is not set: export NOT_SET=…"),
        ("file:absent.txt", "No such file or directory"),
    ],
)  # fmt: skip
def test_a_secret_that_is_not_there_is_told_when_asked_for(
    tmp_path: Path, reference: str, said: str
) -> None:
    documents = read(tmp_path, GOOD.replace("env:SHOP_TOKEN", reference))
    with pytest.raises(SecretUnavailable) as caught:
        documents.secrets_of(documents.connections[KEY], {})
    assert said in str(caught.value)


PRODUCTS = """\
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: %s}
spec:
  entity: %s
  source: {connectionRef: {name: %s}, start: Now}
  destination: {connectionRef: {name: erp}, write: %s}
  trigger: {poll: {every: 1m}}
  mapping: %s
"""
TWO_SHOPS = (
    GOOD.split("---\napiVersion: v1\n", maxsplit=1)[0]
    + """\
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: shop2}
spec: {connector: shopify, config: {shop: b.myshopify.com}, credentials: {secretRef: {name: shop-keys}}}
---
apiVersion: v1
kind: Secret
metadata: {name: shop-keys}
stringData: {token: x}
"""
)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (("products", "shop", "Upsert", "{}"), ("products", "shop2", "Upsert", "{}"), "available, title of products"),
        (("products", "shop", "Upsert", "{owns: [title]}"), ("products", "shop2", "Upsert", "{}"), "title of products"),
        (("products", "shop", "Upsert", "{owns: [title]}"), ("products", "shop2", "Update", "{owns: [available]}"), None),
        (("products", "shop", "Upsert", "{createOnly: [title, available]}"), ("products", "shop2", "Upsert", "{}"), None),
        (("products", "shop", "Upsert", "{owns: [title, available], createOnly: [title]}"), ("products", "shop2", "Upsert", "{owns: [title]}"), None),
        (("products", "shop", "Upsert", "{}"), ("products", "shop2", "Create", "{}"), None),
        (("orders", "shop", "Upsert", "{}"), ("orders", "shop2", "Upsert", "{}"), None),
        (("orders", "shop", "Upsert", "{}"), ("orders", "shop", "Upsert", "{}"), "comment, lines, reference of orders"),
    ],
)  # fmt: skip
def test_a_field_of_a_record_has_one_writer(
    tmp_path: Path, one: tuple[str, ...], other: tuple[str, ...], clash: str | None
) -> None:
    text = TWO_SHOPS + PRODUCTS % ("one", *one) + PRODUCTS % ("other", *other)
    if clash is None:
        assert len(read(tmp_path, text).pipelines) == 2
        return
    with pytest.raises(DocumentErrors) as caught:
        read(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.code.name == "FIELD_OWNED_ELSEWHERE"
    assert problem.message.startswith(f"{clash} at 'erp' are also written by pipeline 'one'")
