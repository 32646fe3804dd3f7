"""The local server itself: HTTP, the dispatch of GraphQL operations, and faults on demand."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.wandb_server.store import Store

OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")

Answer = tuple[int, Any]
"""Status and JSON body."""
Operation = Callable[["Server", dict[str, Any], str], dict[str, Any]]
"""(server, variables, query text) -> the ``data`` of the answer; may raise `Refused`."""
Fault = Callable[["Server", str], Answer | None]
"""Called with the name of each request, as in ``asked``, before it is answered: an answer instead,
or None. It may wait; other requests go on meanwhile."""


class Refused(Exception):
    """An operation that is answered with an HTTP status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = (status, {"errors": [{"message": message}], "data": None})


@dataclass
class Server:
    """A running server.

    Args:
        operations: what it answers, by the operation's name.
        paths: handlers of other paths than /graphql: (method, path prefix) -> handler.
        fault: see `Fault`.

    Attributes:
        asked: the names of all operations, in order; other requests as "METHOD /path".
        gone: while true every connection is cut without an answer.
    """

    operations: dict[str, Operation]
    paths: dict[tuple[str, str], Callable[[Server, str, bytes], Answer]] = field(
        default_factory=dict
    )
    fault: Fault | None = None
    store: Store = field(default_factory=Store)
    asked: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""
    gone: bool = False

    def graphql(self, body: bytes) -> Answer:
        content = json.loads(body)
        found = OPERATION.search(content["query"])
        name = found[1] if found else "anonymous"
        if answer := self._noted(name):
            return answer
        operation = self.operations.get(name)
        if operation is None:
            return 200, {"errors": [{"message": f"this server does not know {name}"}]}
        with self.lock:
            try:
                data = operation(self, content.get("variables") or {}, content["query"])
            except Refused as refused:
                return refused.answer
        return 200, {"data": data}

    def other(self, method: str, path: str, body: bytes) -> Answer:
        if answer := self._noted(f"{method} {path}"):
            return answer
        for (known, prefix), handler in self.paths.items():
            if known == method and path.startswith(prefix):
                with self.lock:
                    return handler(self, path, body)
        return 404, {"error": f"{method} {path} is not known"}

    def _noted(self, name: str) -> Answer | None:
        with self.lock:
            self.asked.append(name)
        return self.fault(self, name) if self.fault else None

    def lets_in(self, authorization: str | None) -> bool:
        """Whether a request's key, if it has one, is the account's."""
        known = base64.b64encode(f"api:{self.store.key}".encode()).decode()
        return authorization in (None, f"Basic {known}")


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on a free port of this machine; ``server.url`` says where."""
    http = _Quiet(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.gone = True
        http.shutdown()
        http.server_close()
        thread.join()


class _Quiet(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle of a request is none of the server's business."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A silent connection is closed after this many seconds, and its thread ends: far longer
        # than the client's pauses between attempts, or the next one meets a closing connection.
        timeout = 30.0
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.gone:
                self.close_connection = True
                return
            status, content = self._content(body)
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _content(self, body: bytes) -> Answer:
            if not server.lets_in(self.headers.get("Authorization")):
                return 401, {"errors": [{"message": "user is not logged in"}]}
            if self.path.startswith("/graphql"):
                return server.graphql(body)
            return server.other(self.command, self.path, body)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler
