"""`knect api` as a process of its own, and people who ask it.

Must not: hide what it wrote when it did not start.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple, Self

__all__ = ["KNECT", "Answer", "ApiProcess", "ask", "knect"]

KNECT = Path(sys.executable).parent / "knect"


class Answer(NamedTuple):
    """An answer over HTTP: `body` is decoded where it is JSON."""

    status: int
    body: Any
    text: str


def ask(
    url: str, *, token: str | None = None, wish: Any = None, raw: bytes | None = None
) -> Answer:
    """GET, or POST what is wished, as the bearer of a token."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    data = raw if wish is None else json.dumps(wish).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as got:
            status, body = got.status, got.read()
    except urllib.error.HTTPError as refused:
        status, body = refused.code, refused.read()
    text = body.decode(errors="replace")
    try:
        return Answer(status, json.loads(body), text)
    except ValueError:
        return Answer(status, None, text)


def knect(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, with nothing but this environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("K") and k != "COLUMNS"}
    done = subprocess.run(
        [KNECT, *words], env={**kept, **env}, capture_output=True, text=True, timeout=90,
        check=False, stdin=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    assert "Knect itself failed" not in done.stderr, done.stderr
    return done


class ApiProcess:
    """`with ApiProcess(kubeconfig, folder) as api:`; `url` is where it listens."""

    def __init__(self, kubeconfig: Path | None, folder: Path, **env: str) -> None:
        self._log = folder / "api.log"
        words = [str(KNECT), "api", "--listen", "127.0.0.1:0"]
        words += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **env}
            )
        self.url = ""

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 30
        while not self.url:
            found = re.search(r'"port": ?(\d+)', self.log())
            if found:
                self.url = f"http://127.0.0.1:{found[1]}"
            elif self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"knect api did not start: {self.log()}")
            else:
                time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, self.log()

    def log(self) -> str:
        """Return what it wrote."""
        return self._log.read_text()
