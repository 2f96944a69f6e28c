"""buildah with a storage of the tests' own, and images as OCI archives in the cache folder.

Why: images are built where no Docker runs and no registry can be reached; an archive can be loaded
into a node, into kind, or into Docker. Must not: touch the images of the machine's user.
"""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.real.cache import cache_folder, only_one
from tests.support.real.debian import ensure_packages
from tests.support.real.require import Unavailable

__all__ = ["Image", "archived", "buildah", "content_key", "ensure_buildah", "has_image"]

_PACKAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "runc": "runc"}
_LEFT_OUT = {"__pycache__", "tests"}  # no part of an image, see .dockerignore
_KEEP = 3  # archives per image: of this checkout, and of the last two


@dataclass(frozen=True)
class Image:
    """`name` is what a pod names; `archive` is the OCI archive that holds it."""

    name: str
    archive: Path


def ensure_buildah() -> None:
    """Make sure images can be built here.

    Raises:
        Unavailable: not root, or the packages cannot be installed.
    """
    if os.geteuid() != 0:
        raise Unavailable("only root can build images here (buildah with a storage of its own)")
    ensure_packages(_PACKAGES)


def buildah(*words: str | Path, folder: Path | None = None) -> str:
    """Return what `buildah WORDS` prints; `folder` is its working directory.

    Raises:
        Unavailable: it failed; the text has the last lines of what it said.
    """
    root = cache_folder() / "buildah"
    command = ["buildah", "--root", str(root), "--runroot", "/run/knect-buildah"]
    done = subprocess.run(
        [*command, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Unavailable(f"`buildah {words[0]}` failed:\n{said}")
    return done.stdout.strip()


def has_image(name: str) -> bool:
    """Tell whether buildah's storage holds the image."""
    return bool(buildah("images", "--quiet", "--filter", f"reference={name}"))


def content_key(*parts: Path | str | bytes) -> str:
    """Return a hash of texts, files and whole folders (compiled Python and tests left out)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            for path in sorted(_files(part)):
                name = path.relative_to(part.parent)  # the same in every checkout
                digest.update(f"{name}\0".encode() + path.read_bytes())
        else:
            digest.update(b"\0" + (part.encode() if isinstance(part, str) else part))
    return digest.hexdigest()[:12]


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    found = (one for one in path.rglob("*") if one.is_file())
    return (one for one in found if not _LEFT_OUT & {*one.relative_to(path).parts})


def archived(name: str, key: str, build: Callable[[str], None]) -> Image:
    """Return the image `localhost/NAME:KEY`, from the cache or built now by `build(full name)`."""
    image = Image(f"localhost/{name}:{key}", _archives() / f"{name}-{key}.tar")
    if not image.archive.exists():
        ensure_buildah()
        with only_one("buildah"):
            if not image.archive.exists():
                build(image.name)
                part = image.archive.with_suffix(".part")
                part.unlink(missing_ok=True)
                buildah("push", "--quiet", image.name, f"oci-archive:{part}:{image.name}")
                part.replace(image.archive)
                _forget_old(name, [image.archive])
    return image


def _archives() -> Path:
    folder = cache_folder() / "images"
    folder.mkdir(exist_ok=True)
    return folder


def _forget_old(name: str, kept: Sequence[Path]) -> None:
    found = sorted(
        _archives().glob(f"{name}-{'[0-9a-f]' * 12}.tar"), key=lambda p: -p.stat().st_mtime
    )
    for path in [one for one in found if one not in kept][_KEEP - 1 :]:
        path.unlink(missing_ok=True)
