"""Access of requests to a server on this machine, and to the projects and addresses they name.

A page of any website can send requests to this machine. So a request needs a Host that leads here,
no foreign page behind it, and JSON for a body: a page may send other bodies without asking first.
Folders and addresses come from the server's own environment; a request chooses among them.

    AUTORESEARCH_PROJECTS    folders of projects beside the working folder, separated as in PATH
    AUTORESEARCH_BASE_URLS   servers that may get OPENAI_API_KEY, beside OPENAI_BASE_URL
    AUTORESEARCH_HOSTS       names of this machine beside localhost
    AUTORESEARCH_ORIGINS     pages beside LangSmith's Studio

Not covered: other programs and other users of this machine, which can send any request.
"""

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from autoresearch_graph.errors import InputError

STUDIO = r"https://([a-z]+\.)?smith\.langchain\.com"  # one label a region: eu, apac, aws
_HERE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_JSON = re.compile(r"application/json(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)
# No address or path within the name of a model: some providers' clients would go there.
_MODEL = re.compile(r"(?!.*(//|\.\.|https?:))[a-z0-9][a-z0-9_.:/@+-]*", re.IGNORECASE)
_ONCE = ("host", "origin", "referer", "sec-fetch-site", "content-type")
# Routes that langgraph-api has for its own tests, and one that uploads the working folder.
_CLOSED = re.compile(r"/+(deploy|internal)(/|$)")
HttpRefusal = tuple[int, str]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def named(variable: str) -> list[str]:
    """Return the items of a variable, separated by spaces or commas."""
    return re.split(r"[\s,]+", os.environ.get(variable, "").strip())


def project_folder(project: str | Path) -> Path:
    """Resolve the folder of a request; InputError unless the environment names it."""
    listed = os.environ.get("AUTORESEARCH_PROJECTS", "").split(os.pathsep)
    known = {Path(name).expanduser().resolve() for name in (".", *listed) if name}
    try:
        folder = Path(project).resolve()
    except (OSError, RuntimeError, TypeError, ValueError):
        folder = None
    if folder is None or folder not in known:
        raise InputError(
            f"the server may not use the project {_shown(project)}; start it in that folder, "
            "or with its path in AUTORESEARCH_PROJECTS"
        )
    return folder


def check_model(model: str, base_url: str | None) -> None:
    """Raise InputError for an address that the environment does not name: no key goes there."""
    if not isinstance(model, str) or not _MODEL.fullmatch(model):
        raise InputError(f"{_shown(model)} cannot name a model; name one as in openai:gpt-5")
    own = [os.environ.get(name, "") for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE")]
    known = {address.rstrip("/") for address in (*own, *named("AUTORESEARCH_BASE_URLS"))}
    if base_url and model != "search" and not model.startswith("openai:"):
        raise InputError(f"a base_url goes with openai:NAME alone, and not with {_shown(model)}")
    if base_url and str(base_url).rstrip("/") not in known - {""}:
        raise InputError(
            f"the server may not send its key to {_shown(base_url)}; start it with that address "
            "in AUTORESEARCH_BASE_URLS"
        )


def refusal(method: str, headers: Iterable[tuple[str, str]], *, studio: bool) -> HttpRefusal | None:
    """Return the status and the sentence of a refusal, or None.

    With `studio` the pages of Studio may ask; without it a link may lead here from any page.
    """
    given: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in given and key in _ONCE:
            return 400, f"the header {key} was sent more than once"
        given.setdefault(key, value.strip())
    host = given.get("host", "").lower()
    if not _is_this_machine(host):
        return 403, f"the host {_shown(host)} is not this machine; AUTORESEARCH_HOSTS can name it"
    if stranger := _stranger(method, given, host, studio=studio):
        hint = "; AUTORESEARCH_ORIGINS can name it" if studio else ""
        return 403, f"a page of {_shown(stranger)} may not send requests here{hint}"
    kind = given.get("content-type", "")
    if _has_body(given) and not _JSON.fullmatch(kind):
        return 415, f"a request needs the content type application/json, not {_shown(kind)}"
    return None


def _has_body(given: dict[str, str]) -> bool:
    """Return True for a request that has a body, or names the type of one."""
    if "content-type" in given or "transfer-encoding" in given:
        return True
    return given.get("content-length", "0") != "0"


def _is_this_machine(host: str) -> bool:
    """Return True for a Host header that names this machine, with or without a port."""
    known = {name.lower() for name in named("AUTORESEARCH_HOSTS")} - {""}
    return bool(_HERE.fullmatch(host) or {host, re.sub(r":[0-9]+$", "", host)} & known)


def _stranger(method: str, given: dict[str, str], host: str, *, studio: bool) -> str:
    """Return the page that sent a request without permission, as far as a browser tells."""
    site = given.get("sec-fetch-site", "")
    origin = given.get("origin")
    if origin is None and not site:
        origin = _page(given.get("referer", ""))
    if origin is not None:
        return "" if _is_known(origin.lower(), host, studio=studio) else origin or "nowhere"
    fetch = (method, given.get("sec-fetch-mode"), given.get("sec-fetch-dest"))
    followed = not studio and fetch == ("GET", "navigate", "document")
    return "" if followed or site.lower() in {"", "none", "same-origin"} else "another site"


def _page(referer: str) -> str | None:
    """Return the origin of a page by its address; None without a page."""
    if not referer:
        return None
    found = re.match(r"[a-z]+://[^/?#]+", referer, re.IGNORECASE)
    return found[0] if found else "null"


def _is_known(origin: str, host: str, *, studio: bool) -> bool:
    """Return True for an origin of this server, or with `studio` for one that may ask it."""
    if origin in (f"http://{host}", f"https://{host}"):
        return True
    listed = set(named("AUTORESEARCH_ORIGINS")) - {""}
    return studio and (origin in listed or bool(re.fullmatch(STUDIO, origin)))


def _shown(text: object) -> str:
    """Return a stranger's text, short and without control codes."""
    return repr(str(text)[:100])


class Guard:
    """ASGI middleware that turns requests away before anything is read or run.

    `stands` is True in a process that serves requests: it checks a model when it opens one.
    """

    stands = False

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        Guard.stands = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with the reason for the refusal."""
        refused = None if scope["type"] == "lifespan" or _is_own(scope) else _refused(scope)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            body = json.dumps({"detail": refused[1]}).encode()
            kind = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": refused[0], "headers": kind})
            await send({"type": "http.response.body", "body": body})


def _is_own(scope: Scope) -> bool:
    """Return True for the server's client to itself: no outside request has a root path."""
    return f"{scope.get('root_path', '')}/".startswith("/noauth/")


def _refused(scope: Scope) -> HttpRefusal | None:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    ]
    if refused := refusal(scope.get("method", "GET"), headers, studio=True):
        return refused
    if _CLOSED.match(scope["path"].removeprefix(scope.get("root_path", ""))):
        return 403, "this server neither deploys nor shows its internals"
    return None
