"""Traces through OpenTelemetry, at the wire: a small OTLP endpoint takes the real exporter's."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

otlp = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


@contextmanager
def endpoint(spans: list[Any], others: list[str]) -> Iterator[str]:
    """Serve OTLP over HTTP on loopback; what asks for anything else is noted in `others`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                for resource in otlp.ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            else:
                others.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            others.append(self.path)
            self.send_error(404)

        def log_message(self, *told: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_an_endpoint_of_the_persons_gets_each_experiment_and_langsmith_nothing(project: Path):
    spans: list[Any] = []
    others: list[str] = []
    with endpoint(spans, others) as url:
        environment = {
            **os.environ,
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_TRACING_MODE": "otel",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "LANGSMITH_ENDPOINT": f"{url}/langsmith",
            "OPENAI_API_KEY": "sk-wire-0123456789",
        }
        command = ["run", str(project), "--tag", "t", "--experiments", "2"]
        done = subprocess.run(
            [sys.executable, "-m", "autoresearch_graph", *command],
            capture_output=True,
            text=True,
            env=environment,
        )
    assert done.returncode == 0, done.stderr
    assert "LangSmith" not in done.stdout + done.stderr
    assert others == []
    roots = [attributes(span) for span in spans if not span.parent_span_id]
    named = {r["langsmith.trace.name"]: r for r in roots}
    assert set(named) == {"experiment 0", "experiment 1", "experiment 2", "report"}
    for number in range(3):
        assert named[f"experiment {number}"]["langsmith.metadata.number"] == number
        assert named[f"experiment {number}"]["langsmith.metadata.verdict"] in ("keep", "discard")
        assert named[f"experiment {number}"]["langsmith.metadata.reason"]
    assert {"propose", "train", "judge"} <= {span.name for span in spans}
    assert b"sk-wire" not in b"".join(span.SerializeToString() for span in spans)
