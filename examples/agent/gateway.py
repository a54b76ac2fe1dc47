"""Stand between the runs and a paid service, so that no key enters the sandbox. A person starts it.

    export OPENAI_API_KEY=...       # and OPENAI_BASE_URL, for a service that is not OpenAI's
    export LANGSMITH_API_KEY=...    # to have data set and experiments in LangSmith, too
    python gateway.py               # prints what to export where the research is started

It listens on loopback, adds the key to what comes, and passes it on: of the model's service chat
completions and responses alone, so that a run can neither see the key nor use the account for
anything else. It does not bound what is spent: the constraint on tokens and a limit at the provider
do. No streaming.
"""

import os
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError, URLError

PORT = 8765
TIMEOUT = 300  # seconds
MODEL_PATHS = ("/chat/completions", "/responses")
NOT_PASSED = {
    "host",
    "connection",
    "authorization",
    "x-api-key",
    "content-length",
    "transfer-encoding",
}


class Gateway(ThreadingHTTPServer):
    """`/openai` and, where there is a key, `/langsmith`, each with its address and its key."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        key, smith = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("LANGSMITH_API_KEY", "")
        model = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        traces = os.environ.get("LANGSMITH_ENDPOINT") or "https://api.smith.langchain.com"
        self.upstream = {"openai": (model.rstrip("/"), {"Authorization": f"Bearer {key}"})}
        if smith:
            self.upstream["langsmith"] = (traces.rstrip("/"), {"x-api-key": smith})

    def passed_on(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the address and the key for a path; None where nothing is passed on."""
        name, slash, rest = path.removeprefix("/").partition("/")
        if name not in self.upstream or (
            name == "openai" and not self._is_for_a_model(method, rest)
        ):
            return None
        address, key = self.upstream[name]
        return f"{address}{slash}{rest}", key

    @staticmethod
    def _is_for_a_model(method: str, rest: str) -> bool:
        return method == "POST" and f"/{rest}" in MODEL_PATHS


class Handler(BaseHTTPRequestHandler):
    """One request, passed on with a key."""

    protocol_version = "HTTP/1.1"
    server: Gateway

    def pass_on(self) -> None:
        """Answer as the service does."""
        body = b"".join(self._body())
        status, kind, answer = self._asked(body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = pass_on

    def _asked(self, body: bytes) -> tuple[int, str, bytes]:
        if (found := self.server.passed_on(self.command, self.path)) is None:
            return 403, "text/plain", f"not passed on: {self.command} {self.path}".encode()
        address, key = found
        kept = {name: v for name, v in self.headers.items() if name.lower() not in NOT_PASSED}
        request = urllib.request.Request(
            address,
            body or None,
            {**kept, "Accept-Encoding": "identity", **key},
            method=self.command,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.status, answer.headers["Content-Type"] or "text/plain", answer.read()
        except HTTPError as error:
            return error.code, error.headers["Content-Type"] or "text/plain", error.read()
        except (URLError, TimeoutError) as error:
            return 502, "text/plain", f"{address} cannot be reached: {error}".encode()

    def _body(self) -> Iterator[bytes]:
        if self.headers["Transfer-Encoding"] != "chunked":
            yield self.rfile.read(int(self.headers["Content-Length"] or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until it is interrupted."""
    if not os.environ.get("OPENAI_API_KEY"):
        sys.exit("OPENAI_API_KEY is not set")
    with Gateway(int(sys.argv[1]) if sys.argv[1:] else PORT) as server:
        here = f"http://127.0.0.1:{server.server_address[1]}"
        print(f"export OPENAI_BASE_URL={here}/openai")
        if "langsmith" in server.upstream:
            print(f"export LANGSMITH_ENDPOINT={here}/langsmith")
        print("", end="", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
