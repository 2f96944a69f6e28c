"""Makes an image's virtual environment small and quick to start; run by the Dockerfile.

Why: the Kubernetes client alone is 125 MB of generated code with its bytecode, and debug symbols
are a third of what is left. Must not: remove what a command of Knect can import.

    python slim.py MODULE ...      # the modules whose bytecode (and what they import) is kept
"""

import compileall
import importlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

SITE = Path(sysconfig.get_paths()["purelib"])
# Never imported by Knect: the blocking Kubernetes client (kubernetes.aio is used), test kits, other
# databases' dialects, syntax highlighting, messages of Google's own APIs.
NEEDLESS = (
    "alembic/testing",
    *(f"google/{api}" for api in "api cloud gapic logging longrunning rpc type".split()),
    "kubernetes/client/api",
    "pydantic/v1",
    "pygments",
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/testing",
)
#: Imported by the blocking client and used by nobody: an empty package does.
HOLLOW = ("kubernetes/client/models",)
#: What compiled modules were made from, and what only type checkers read.
SOURCES = ("c", "h", "pxd", "pxi", "pyi", "pyx")
#: Packages of generated code: imported from a compressed archive, a tenth of the size.
GENERATED = ("kubernetes", "oauthlib")


def main(modules: list[str]) -> None:
    """Remove, strip, compress, compile."""
    for name in NEEDLESS:
        shutil.rmtree(SITE / name, ignore_errors=True)
    for name in HOLLOW:
        shutil.rmtree(SITE / name)
        (SITE / name).mkdir()
        (SITE / name / "__init__.py").touch()
    for path in [*SITE.rglob("__pycache__"), *SITE.glob("*/tests"), *SITE.glob("*/*/tests")]:
        shutil.rmtree(path, ignore_errors=True)
    sources = [path for ending in SOURCES for path in SITE.rglob(f"*.{ending}")]
    for path in [*SITE.glob("zstandard/_cffi*.so"), *sources]:
        path.unlink()
    libraries = [str(path) for path in SITE.rglob("*.so*") if path.is_file()]
    subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)
    for package in GENERATED:
        if (SITE / package).is_dir():
            compress(package)
    for module in modules:
        importlib.import_module(module)


def compress(package: str) -> None:
    """Put a package's bytecode into one archive on the path."""
    folder = SITE / package
    archive = SITE / f"{package}.zip"
    compileall.compile_dir(
        folder,
        optimize=2,  # without the docstrings, which are most of it
        quiet=2,
        legacy=True,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(SITE),
    )
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(folder.rglob("*.pyc")):
            packed.write(path, path.relative_to(SITE))
    shutil.rmtree(folder)
    (SITE / f"{package}.pth").write_text(f"{archive.name}\n")
    sys.path.append(str(archive))


if __name__ == "__main__":
    main(sys.argv[1:])
