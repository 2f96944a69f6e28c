"""A stand-in for the API server that speaks real HTTP: reviews, one Secret, and faults.

Why: what the cluster says badly, late or not at all is hard to get from a real one.
Must not: decide anything a test did not tell it.
"""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

__all__ = ["FakeApiServer"]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


class FakeApiServer:
    """`with FakeApiServer() as cluster:`; everything it says is in its attributes."""

    def __init__(self) -> None:
        #: token -> (user, audiences it is good for; None: the authenticator knows of none)
        self.people: dict[str, tuple[dict[str, Any], list[str] | None]] = {}
        self.rights: set[tuple[str, str, str]] = set()
        self.dsns: dict[str, str] = {}
        self.calls: list[tuple[str, str, Any]] = []
        #: path ending -> (status, content type, body) said in place of the truth
        self.instead: dict[str, tuple[int, str, bytes]] = {}
        self.delay = 0.0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                fake._answer(self, None)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake._answer(self, json.loads(body))

            def log_message(self, *_: object) -> None:
                return

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def person(self, token: str, name: str, *, audiences: list[str] | None, **user: Any) -> str:
        """Let a token be somebody's."""
        self.people[token] = ({"username": name, **user}, audiences)
        return token

    def asked(self, ending: str) -> list[Any]:
        """Return what was asked of paths with this ending."""
        return [body for _, path, body in self.calls if path.endswith(ending)]

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig of knect api's own account."""
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": "own-token"}}],
        }
        path.write_text(json.dumps(document))
        return path

    def _answer(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        path = handler.path
        self.calls.append((handler.command, path, body))
        time.sleep(self.delay)
        said = next((v for k, v in self.instead.items() if path.endswith(k)), None)
        if said is None:
            status, document = self._truth(path, body)
            said = (status, "application/json", json.dumps(document).encode())
        handler.send_response(said[0])
        handler.send_header("Content-Type", said[1])
        handler.send_header("Content-Length", str(len(said[2])))
        handler.end_headers()
        handler.wfile.write(said[2])

    def _truth(self, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("/tokenreviews"):
            return 201, {"status": self._review(body["spec"])}
        if path.endswith("/subjectaccessreviews"):
            spec, of = body["spec"], body["spec"]["resourceAttributes"]
            assert (of["group"], of["resource"]) == ("knect.dev", "transactions")
            allowed = (spec["user"], of["verb"], of["namespace"]) in self.rights
            return 201, {"status": {"allowed": allowed}}
        if path.endswith("/secrets/knect-ledger"):
            dsn = self.dsns.get(path.split("/")[4])
            if dsn is None:
                return 404, {"kind": "Status", "message": "not found"}
            return 200, {"data": {"dsn": base64.b64encode(dsn.encode()).decode()}}
        return 200, {"gitVersion": "v1"}

    def _review(self, spec: Any) -> dict[str, Any]:
        user, good = self.people.get(spec["token"], (None, []))
        wanted = spec.get("audiences")
        if user is None:
            return {"authenticated": False, "error": "no such token"}
        if good is None:  # an authenticator that knows nothing of audiences names none
            return {"authenticated": True, "user": user}
        if wanted is None:
            fits = ["default"] if "default" in good else []
        else:
            fits = [one for one in wanted if one in good]
        return {"authenticated": True, "user": user, "audiences": fits} if fits else {}
