"""A server on this machine that speaks the providers' wire formats, counts what it is asked, and fails on demand."""

from __future__ import annotations

import contextlib
import enum
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loopback_batch import Provider

Reply = tuple[int, dict[str, str], bytes]


class Fault(enum.Enum):
    """What becomes of a request that gets no whole reply."""

    RESET = "the connection is reset before any byte of the reply"
    TRUNCATED = "the reply says how long it is and ends before that"
    HANG = "nothing comes until the client leaves"


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


def message(text: str | None, **fields: Any) -> Reply:
    """An answer in Anthropic's form that says `text`, or has no content at all."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "loopback-1",
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 4, "output_tokens": 2, "cache_read_input_tokens": 3},
        **fields,
    }
    return 200, {}, json.dumps(body).encode()


def failure(status: int, headers: dict[str, str] | None = None, **error: Any) -> Reply:
    """An error in OpenAI's form."""
    return status, headers or {}, json.dumps({"error": {"message": f"no {status}", **error}}).encode()


def streamed(reply: Reply) -> Reply:
    """A chat completion as the stream of its chunks, for a client that wants one; any other reply as it is."""
    status, headers, content = reply
    if status != 200 or b'"chat.completion"' not in content:
        return reply
    body = json.loads(content)
    choice = body["choices"][0]
    delta = {"index": 0, "delta": choice["message"], "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    shared = {"id": body["id"], "object": "chat.completion.chunk", "model": body["model"]}
    chunks = [{"choices": [delta]}, {"choices": [end]}, {"choices": [], "usage": body["usage"]}]
    lines = [f"data: {json.dumps(shared | chunk)}\n\n" for chunk in chunks]
    return status, {**headers, "Content-Type": "text/event-stream"}, "".join([*lines, "data: [DONE]\n\n"]).encode()


def text_of(body: dict[str, Any]) -> str:
    """The words of a request's last turn."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@dataclass
class Loopback:
    """What the server does and what it saw. `answer(body, attempt)` makes the reply; latency in seconds.

    `left` counts the clients that went away before they were answered.
    """

    answer: Callable[[dict[str, Any], int], Reply | Fault]
    latency: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    left: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    provider: Provider | None = None


@contextmanager
def serving(loopback: Loopback) -> Iterator[Loopback]:
    """The server, for as long as the block lasts; its address is `loopback.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            """As a proxy that will not lead on."""
            loopback.paths.append(f"CONNECT {self.path}")
            self.send_error(502)

        def do_GET(self) -> None:
            self.batch(b"")

        def batch(self, content: bytes) -> None:
            """As the batch APIs, where the server has them."""
            provider = loopback.provider
            if provider is None or not provider.takes(self.path):
                self.send_error(404)
                return
            reply = provider.reply(loopback.url, self.command, self.path, content)
            if reply is None:
                self.fail(Fault.HANG)
                return
            self.begin(reply[0], len(reply[2]), reply[1])
            self.wfile.write(reply[2])

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if loopback.provider is not None and loopback.provider.takes(self.path):
                self.batch(content)
                return
            body = json.loads(content)
            key = json.dumps(body["messages"])
            with loopback.lock:
                loopback.requests.append(body)
                loopback.headers.append({name.lower(): value for name, value in self.headers.items()})
                loopback.paths.append(self.path)
                attempt = loopback.asked[key]
                loopback.asked[key] += 1
            time.sleep(loopback.latency)
            reply = loopback.answer(body, attempt)
            if isinstance(reply, Fault):
                self.fail(reply)
                return
            status, headers, content = streamed(reply) if body.get("stream") else reply
            self.begin(status, len(content), headers)
            self.wfile.write(content)
            if status == 200:
                with loopback.lock:
                    loopback.answered[key] += 1

        def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(length), **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def fail(self, fault: Fault) -> None:
            self.close_connection = True
            if fault is Fault.RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif fault is Fault.TRUNCATED:
                self.begin(200, 1000, {})
                self.wfile.write(b'{"choices": [')
            else:
                with contextlib.suppress(ConnectionError):
                    self.connection.recv(1)
                with loopback.lock:
                    loopback.left += 1

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
