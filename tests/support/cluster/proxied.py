"""The API of a cluster by `kubectl proxy`: one process for all the questions of a test.

Why: a kubectl for each look, twice a second, costs more processor time than what is looked at.
Must not: take another way to the API than kubectl does, or be asked for what a user would type.
"""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from tests.support.cluster.kubectl import Kubectl, KubectlFailed

__all__ = ["Proxied", "proxied"]


class Proxied:
    """`ask(path)` is `kubectl get --raw PATH`, and with a body `kubectl create --raw PATH`."""

    def __init__(self, base: str) -> None:
        self._base = base

    def ask(self, path: str, body: object = None, *, seconds: float = 60) -> Any:
        """Return the JSON of the answer.

        Raises:
            KubectlFailed: no answer within `seconds`, one that says no, or one that is no JSON.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._base}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise KubectlFailed(f"{path}: {error.code} {said}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise KubectlFailed(f"{path}: {error!r}") from error


@contextmanager
def proxied(kubectl: Kubectl) -> Iterator[Proxied]:
    """Serve the API on a free port of loopback for as long as the block lasts.

    Raises:
        KubectlFailed: it ended before it served.
    """
    process = subprocess.Popen(
        kubectl.command("proxy", "--port=0"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            line = process.stdout.readline()
            served = re.search(r"127\.0\.0\.1:\d+", line)
            if served is None:
                raise KubectlFailed(f"kubectl proxy said {line!r}")
            yield Proxied(f"http://{served[0]}")
        finally:
            process.terminate()
