"""A small LangSmith on loopback: it decodes what the real client sends."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard

Answer = tuple[int, Any]
SESSION = {
    "id": str(uuid.UUID(int=7)),
    "name": "default",
    "tenant_id": str(uuid.UUID(int=8)),
    "start_time": "2026-01-01T00:00:00Z",
    "reference_dataset_id": None,
}
_BATCHES = {
    "use_multipart_endpoint": True,
    "scale_up_qsize_trigger": 1000,
    "scale_up_nthreads_limit": 2,
    "scale_down_nempty_trigger": 4,
    "size_limit": 100,
    "size_limit_bytes": 20_000_000,
}


@dataclass
class Collector:
    """What arrived: runs by id, feedback, and every body as text.

    `refusal` is a status that every request but /info is answered with. `hangs` is the method,
    or `all`, of the requests that get no answer until `released` is set.
    """

    url: str = ""
    refusal: int | None = None
    hangs: str = ""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def roots(self) -> list[dict[str, Any]]:
        """The runs without a parent, in the order of their start."""
        found = [run for run in self.runs.values() if not run.get("parent_run_id")]
        return sorted(found, key=lambda run: str(run["start_time"]))

    def children(self, run: dict[str, Any]) -> list[str]:
        """The names of the runs right below one, in the order of their start."""
        below = [r for r in self.runs.values() if r.get("parent_run_id") == run["id"]]
        return [str(r["name"]) for r in sorted(below, key=lambda r: str(r["dotted_order"]))]

    def scores(self, run: dict[str, Any]) -> dict[str, Any]:
        """The feedback on a run: its scores by their names."""
        return {f["key"]: f["score"] for f in self.feedback if f["run_id"] == run["id"]}

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Take one request."""
        if headers["Content-Encoding"] == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        self.bodies.append(body.decode())
        match method, path.split("?", maxsplit=1)[0].removeprefix("/api/v1").strip("/").split("/"):
            case "GET", ["info"]:
                return 200, _info()
            case _ if self.refusal:
                return self.refusal, {"detail": "refused"}
            case "GET", ["sessions"]:
                return 200, [SESSION]
            case "POST", ["runs", "multipart"]:
                self._take_parts(headers["Content-Type"], body)
            case "POST", ["runs", "batch"]:
                batch = json.loads(body)
                for run in [*batch.get("post", []), *batch.get("patch", [])]:
                    self._run(run["id"]).update(run)
            case "POST", ["feedback"]:
                self.feedback.append(json.loads(body))
            case "PATCH" | "POST", ["runs", *rest]:
                run = json.loads(body)
                self._run(rest[0] if rest else run["id"]).update(run)
            case _:
                return 404, {"detail": f"no {method} {path}"}
        return 202, {}

    def _run(self, number: str) -> dict[str, Any]:
        return self.runs.setdefault(number, {"id": number})

    def _take_parts(self, content_type: str, body: bytes) -> None:
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        parts: Any = BytesParser().parsebytes(head + body).get_payload()
        for part in parts:
            name = str(part.get_param("name", header="content-disposition"))
            value = json.loads(part.get_payload(decode=True))
            kind, number, *rest = name.split(".")
            if kind == "feedback":
                self.feedback.append(value)
            elif kind in ("post", "patch"):
                run = self._run(number)
                run.update({rest[0]: value} if rest else value)


def _info() -> dict[str, Any]:
    return {
        "version": "0.12.0",
        "instance_flags": {"zstd_compression_enabled": True},
        "batch_ingest_config": _BATCHES,
    }


@contextmanager
def collecting(
    *, refusal: int | None = None, hangs: str = "", kind: type["Collector"] = Collector
) -> Iterator[Any]:
    """Serve on a free port of loopback."""
    collector = kind(refusal=refusal, hangs=hangs)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self._body()
            if collector.hangs in ("all", self.command):
                collector.released.wait()
                return
            status, value = collector.answer(self.command, self.path, self.headers, body)
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = answer

        def _body(self) -> bytes:
            if self.headers["Transfer-Encoding"] != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"] or 0))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
