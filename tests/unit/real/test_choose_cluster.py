"""Which cluster the end-to-end tests take, and what they are told."""

import sys

import pytest
from tests.support.cluster import choose
from tests.support.cluster.buildah import Image
from tests.support.real.require import Unavailable


class Stand:
    """In place of a cluster that would take minutes; the choice is what is looked at."""

    def __init__(self, *words):
        self.words = words

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture(autouse=True)
def stands(monkeypatch):
    monkeypatch.delenv("KNECT_E2E_KUBECONFIG", raising=False)
    monkeypatch.setattr(choose, "KindCluster", type("Kind", (Stand,), {}))
    monkeypatch.setattr(choose, "LocalNode", type("Local", (Stand,), {}))


@pytest.mark.parametrize(("docker", "kind"), [(True, "Kind"), (False, "Local")])
def test_docker_decides_where_none_is_named(monkeypatch, capsys, docker, kind):
    monkeypatch.setattr(choose, "docker_works", lambda: docker)
    with choose.choose_cluster() as cluster:
        assert type(cluster).__name__ == kind
    assert capsys.readouterr().out.startswith("cluster: ")


def test_a_named_one_wins(monkeypatch, tmp_path, capsys):
    named = tmp_path / "kubeconfig"
    named.touch()
    monkeypatch.setenv("KNECT_E2E_KUBECONFIG", str(named))
    monkeypatch.setattr(choose, "docker_works", lambda: True)
    with choose.choose_cluster() as cluster:
        assert cluster.kubeconfig == named
        assert not cluster.can_break
    assert str(named) in capsys.readouterr().out


def test_a_named_one_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("KNECT_E2E_KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="no such file"), choose.choose_cluster():
        pass


def test_a_named_one_loads_images_by_the_command_it_is_given(monkeypatch, tmp_path):
    seen = tmp_path / "seen"
    image = Image("localhost/knect:1", tmp_path / "knect.tar")
    cluster = choose.NamedCluster(tmp_path / "kubeconfig")
    monkeypatch.delenv("KNECT_E2E_LOAD_IMAGE", raising=False)
    with pytest.raises(Unavailable, match=r"KNECT_E2E_LOAD_IMAGE .* localhost/knect:1"):
        cluster.load_image(image)
    program = f"import sys, pathlib; pathlib.Path({str(seen)!r}).write_text(sys.argv[1])"
    monkeypatch.setenv("KNECT_E2E_LOAD_IMAGE", f'{sys.executable} -c "{program}"')
    cluster.load_image(image)
    assert seen.read_text() == str(image.archive)
