"""The images a cluster test runs: Knect's own, the demo's, PostgreSQL, Jaeger.

Why: the project's one Dockerfile is what gets built, as a user builds it; the other two come from
Debian's packages and from the Go module, because no registry can be asked.
Must not: build again what has not changed; the name of an image is a hash of what it is made of.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster.base_images import bootstrap, ensure_python_base, scratch_container
from tests.support.cluster.buildah import Image, archived, buildah, content_key
from tests.support.real.jaeger import ensure_jaeger

__all__ = ["demo_image", "foreign_image", "jaeger_image", "postgres_image", "project_image"]

_ROOT = Path(__file__).parents[3]
_FILES = Path(__file__).parent / "files"
_CONTEXT = (
    ".ci/image", ".dockerignore", "Dockerfile", "README.md", "connectors", "operator",
    "pyproject.toml", "uv.lock",
)  # fmt: skip
_SITE = "/opt/knect/lib/python3.11/site-packages"
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def project_image() -> Image:
    """Return Knect's image, built from the Dockerfile as it stands in this checkout."""
    return _from_dockerfile("knect")


def demo_image() -> Image:
    """Return the Dockerfile's target `demo`: Knect, the simulated shop, a Tryton."""
    return _from_dockerfile("demo")


def foreign_image(name: str = "knect-foreign") -> Image:
    """Return Knect's image with a connector of somebody else's: the tests' `simerp`.

    It is made as the users of `spec.worker.image` make theirs: a package and its entry point on top.
    Under another name it is another image of the same content, as a next release may be.
    """
    base, package = project_image(), _ROOT / "tests" / "support" / "erp"

    def build(full_name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            info = Path(folder) / "knect_simulated_erp-1.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                "Metadata-Version: 2.1\nName: knect-simulated-erp\nVersion: 1\n"
            )
            (info / "entry_points.txt").write_text(
                "[knect.connectors]\nsimerp = tests.support.erp\n"
            )
            container = buildah("from", f"oci-archive:{base.archive}")
            try:
                buildah("copy", "--quiet", container, package, f"{_SITE}/tests/support/erp")
                buildah("copy", "--quiet", container, info, f"{_SITE}/{info.name}")
                buildah("commit", "--quiet", container, full_name)
            finally:
                buildah("rm", container)

    return archived(name, content_key(base.name, package, Path(__file__)), build)


def postgres_image() -> Image:
    """Return Debian's PostgreSQL with an entry script that knows the official image's variables.

    It runs as uid 999 under `restricted` Pod Security and stops at once, as that one does; `PGDATA`
    must be a folder it can make (`/var/lib/postgresql/data` with the volume mounted one above,
    unless told otherwise).
    """
    entry = _FILES / "postgres-entry.sh"

    def build(name: str) -> None:
        with bootstrap(("postgresql-15",)) as tree, scratch_container() as container:
            with (tree / "etc/passwd").open("a") as users:  # initdb asks for its user's name
                users.write("database:x:999:999::/tmp:/bin/sh\n")
            buildah("add", "--quiet", container, tree, "/")
            buildah("copy", "--quiet", "--chmod", "0755", container, entry, "/entry")
            path = "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin"
            buildah("config", "--env", path, "--env", "LANG=C.UTF-8", container)
            buildah("config", "--env", "PGDATA=/var/lib/postgresql/data", container)
            buildah("config", "--user", "999:999", "--entrypoint", '["/entry"]', container)
            buildah("config", "--stop-signal", "SIGINT", container)  # else it waits for its clients
            buildah("config", "--port", "5432", container)
            buildah("commit", "--quiet", container, name)

    return archived("postgres", content_key(entry, Path(__file__)), build)


def jaeger_image() -> Image:
    """Return Jaeger with storage in memory: OTLP on 4318, its API on 16686."""
    binary = ensure_jaeger()

    def build(name: str) -> None:
        with scratch_container() as container:
            buildah("copy", "--quiet", container, binary, "/jaeger")
            entry = '["/jaeger", "--collector.otlp.enabled=true", "--log-level=warn"]'
            buildah("config", "--entrypoint", entry, "--user", "65532:65532", container)
            buildah("config", "--env", "SPAN_STORAGE_TYPE=memory", container)
            buildah("commit", "--quiet", container, name)

    return archived("jaeger", content_key(str(binary)), build)


def _from_dockerfile(target: str) -> Image:
    key = content_key(*(_ROOT / part for part in _CONTEXT))

    def build(name: str) -> None:
        ensure_python_base()
        with _trusting_the_host() as mounts:
            buildah(
                "bud", "--quiet", "--pull-never", "--layers", "--isolation", "chroot",
                "--network", "host", *mounts, "--target", target, "--tag", name, ".",
                folder=_ROOT,
            )  # fmt: skip

    return archived("knect" if target == "knect" else f"knect-{target}", key, build)


@contextmanager
def _trusting_the_host() -> Iterator[list[str]]:
    """Give the mounts that make a build trust the authorities this machine trusts."""
    if not _BUNDLE.exists():
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        pip, uv = Path(folder) / "pip.conf", Path(folder) / "uv.toml"
        pip.write_text(f"[global]\ncert = {_BUNDLE}\n")
        uv.write_text("native-tls = true\n")
        mounts = {_BUNDLE: _BUNDLE, pip: Path("/etc/pip.conf"), uv: Path("/etc/uv/uv.toml")}
        yield [word for here, there in mounts.items() for word in ("-v", f"{here}:{there}:ro")]
