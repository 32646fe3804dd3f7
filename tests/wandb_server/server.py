"""The local server itself: HTTP, the dispatch of GraphQL operations, and faults on demand."""

from __future__ import annotations

import json
import re
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
"""(server, variables, query text) -> the ``data`` of the answer."""
Fault = Callable[["Server", str], Answer | None]
"""Called with each operation's name before it is answered: an answer instead, or None."""


@dataclass
class Server:
    """A running server.

    Args:
        operations: what it answers, by the operation's name.
        paths: handlers of other paths than /graphql: (method, path prefix) -> handler.
        fault: see `Fault`.

    Attributes:
        asked: the names of all operations, in order; other requests as "METHOD /path".
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

    def graphql(self, body: bytes) -> Answer:
        content = json.loads(body)
        found = OPERATION.search(content["query"])
        name = found[1] if found else "anonymous"
        with self.lock:
            self.asked.append(name)
        if self.fault and (answer := self.fault(self, name)):
            return answer
        operation = self.operations.get(name)
        if operation is None:
            return 200, {"errors": [{"message": f"this server does not know {name}"}]}
        with self.lock:
            data = operation(self, content.get("variables") or {}, content["query"])
        return 200, {"data": data}

    def other(self, method: str, path: str, body: bytes) -> Answer:
        with self.lock:
            self.asked.append(f"{method} {path}")
        for (known, prefix), handler in self.paths.items():
            if known == method and path.startswith(prefix):
                with self.lock:
                    return handler(self, path, body)
        return 404, {"error": f"{method} {path} is not known"}


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on a free port of this machine; ``server.url`` says where."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_graphql = self.path.startswith("/graphql")
            status, content = (
                server.graphql(body) if is_graphql else server.other(self.command, self.path, body)
            )
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler
