"""A server that says exactly what a script tells it to, for what a proper one never says."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One HTTP answer; `drop` closes the connection half-way, `hang` never says anything."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    hang: bool = False


def error(status: int, message: str, code: str = "", **headers: str) -> Answer:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return Answer(body, status, headers=headers)


def said(text: str | None, *calls: tuple[str, str], finish: str = "stop") -> Answer:
    """A chat completion with tool calls, whose arguments are given as the model wrote them."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": given}}
            for n, (name, given) in enumerate(calls)
        ]
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    completion = {
        "id": "chat",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return Answer(json.dumps(completion).encode())


def answered(message: Any, **more: Any) -> Answer:
    """A chat completion with this very message, or with other parts than usual."""
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Answer(json.dumps({**body, **more}).encode())


def call(function: Any, **parts: Any) -> dict[str, Any]:
    """A message with one tool call, as a server wrote it; `id` is left out unless it is given."""
    return {
        "role": "assistant",
        "tool_calls": [{"type": "function", "function": function, **parts}],
    }


def assert_strict(conversation: list[dict[str, Any]]) -> None:
    """What some server or other demands of a history: ids, order, texts, objects as arguments."""
    waiting: list[str] = []
    seen: set[str] = set()
    role = ""
    for message in conversation:
        assert isinstance(message["content"], str), message
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0), "answered out of turn"
        else:
            assert not waiting and message["role"] != role, message
        for made in message.get("tool_calls") or []:
            assert made["id"] and made["id"] not in seen, made
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", made["function"]["name"]), made
            assert isinstance(json.loads(made["function"]["arguments"], parse_constant=int), dict)
            waiting.append(made["id"])
            seen.add(made["id"])
        role = message["role"]
        assert role != "assistant" or message.get("tool_calls") or message["content"].strip()
    assert not waiting


def edit(old: str, new: str) -> tuple[str, str]:
    return "edit_file", json.dumps({"old_string": old, "new_string": new})


def proposal(description: str = "an edit") -> tuple[str, str]:
    return "propose", json.dumps({"hypothesis": "It is better.", "description": description})


@dataclass
class RawServer:
    """The script, the bodies of the requests so far, and where it listens."""

    script: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(*script: Answer, port: int = 0) -> Iterator[RawServer]:
    """Serve a script on loopback; after its end every request is an error that stops a client."""
    server, ended = RawServer(list(script)), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server.requests.append(json.loads(body))
            self._answer(server.script.pop(0) if server.script else error(403, "the script ended"))

        def _answer(self, answer: Answer) -> None:
            if answer.hang:
                ended.wait()
                return
            self.send_response(answer.status)
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.drop else answer.body)
            self.close_connection = True

        def log_message(self, *told: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}/v1"
    try:
        yield server
    finally:
        ended.set()
        listener.shutdown()
        listener.server_close()
        thread.join()
