"""A server on this machine that speaks OpenAI's chat completions, counts what it is asked, and fails on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


def completion(text: str | None, **message: Any) -> Reply:
    """A chat completion that says `text`."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "model": "loopback-1",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}},
    }
    return 200, {}, json.dumps(body).encode()


def failure(status: int, headers: dict[str, str] | None = None, **error: Any) -> Reply:
    """An error in OpenAI's form."""
    return status, headers or {}, json.dumps({"error": {"message": f"no {status}", **error}}).encode()


def text_of(body: dict[str, Any]) -> str:
    """The words of a request's last turn."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@dataclass
class Loopback:
    """What the server does and what it saw. `answer(body, attempt)` makes the reply; latency in seconds."""

    answer: Callable[[dict[str, Any], int], Reply]
    latency: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""


@contextmanager
def serving(loopback: Loopback) -> Iterator[Loopback]:
    """The server, for as long as the block lasts; its address is `loopback.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = json.dumps(body["messages"])
            with loopback.lock:
                loopback.requests.append(body)
                loopback.headers.append({name.lower(): value for name, value in self.headers.items()})
                attempt = loopback.asked[key]
                loopback.asked[key] += 1
            time.sleep(loopback.latency)
            status, headers, content = loopback.answer(body, attempt)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            if status == 200:
                with loopback.lock:
                    loopback.answered[key] += 1

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: a test's output is the test's."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed leaves broken connections; they are what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    loopback.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
