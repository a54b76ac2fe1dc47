"""Server of the report for browsers on this machine, while its research runs.

It answers three addresses, `/`, `/live.js` and `/version`, from memory: no address is the name of
a file. A request for another host's name is refused, so that a website cannot read the report by
DNS rebinding, and so is a request of another page. Other users of this machine can read it.
"""

import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock

from autoresearch_graph.access import refusal
from autoresearch_graph.core.resources import texts
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.report.page import Live, live_page
from autoresearch_graph.results.follow import Follower
from autoresearch_graph.results.records import find
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import is_running

_TEXTS = texts("report")
_FILES = ("experiments.jsonl", "verify.json")


class Newest:
    """The current report of a research, rendered when its files have changed."""

    def __init__(self, follower: Follower) -> None:
        self._follower, self._folder = follower, follower.records.folder
        self._lock = Lock()
        self._drawn: tuple[Live, str] | None = None

    def now(self) -> Live:
        """Return the current version, without rendering it."""
        paths = [self._folder / name for name in _FILES]
        seen = [str(path.stat().st_mtime_ns if path.exists() else 0) for path in paths]
        running = is_running(self._folder)
        return Live(version="-".join([*seen, str(running)]), running=running)

    def page(self) -> str:
        """Return the report as HTML."""
        with self._lock:
            now = self.now()
            if self._drawn is None or self._drawn[0] != now:
                self._drawn = now, live_page(self._follower.look(), now)
            return self._drawn[1]


class Server(ThreadingTCPServer):
    """A server for browsers on this machine."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, newest: Newest, *, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.newest = newest

    def handle_error(self, request: object, client_address: object) -> None:
        """Report a bug, but not a browser that has left."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """A handler of one request."""

    server: Server
    timeout = 10

    def do_GET(self) -> None:
        """Send a page, or the reason for none."""
        status, kind, text = self._answer()
        body = text.encode("utf-8", errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests."""

    def _answer(self) -> tuple[HTTPStatus, str, str]:
        if refused := refusal(self.command, self.headers.items(), studio=False):
            return HTTPStatus(refused[0]), "plain", refused[1]
        newest = self.server.newest
        try:
            match self.path:
                case "/":
                    return HTTPStatus.OK, "html", newest.page()
                case "/version":
                    return HTTPStatus.OK, "plain", newest.now().version
                case "/live.js":
                    return HTTPStatus.OK, "javascript", _TEXTS["live.js"]
        except LabError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, "plain", str(error)
        return HTTPStatus.NOT_FOUND, "plain", "there is only /"


def serve(settings: Settings, *, port: int = 0, tell: Callable[[str], object]) -> None:
    """Show the report of a research until Ctrl-C; port 0 is any that is free.

    Nothing is written, and the research need not run. InputError if there is no such research, and
    for a port that is not available.
    """
    newest = Newest(Follower(find(settings)))
    try:
        server = Server(newest, port=port)
    except OSError as error:
        raise InputError(
            f"port {port} is not available ({error.strerror}); leave --port out, or name another",
            code="port-taken",
        ) from error
    with server:
        tell(f"http://127.0.0.1:{server.server_address[1]}/ shows the report; Ctrl-C ends it")
        server.serve_forever(poll_interval=0.2)
