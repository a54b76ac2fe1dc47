"""A language model that is made up: a server that answers as a small, weak model would.

python local_model.py     # prints its address, then answers POST /v1/chat/completions

There is no network in it, and no language: it recognises the questions of this example, and errs by
chance in the ways that small models are known for. It forgets the form of an answer, makes up what
it was not told, slips a row in a long list, cannot multiply in its head, calls tools that are well
described and named in the prompt more often than others, and is better for examples, for working
step by step, and at a low temperature. How much so was set by hand: nothing that is found out here
is a finding about a real model. The same request gets another answer the second time, unless the
temperature is 0; with the same AUTORESEARCH_SEED all is the same.
"""

import hashlib
import json
import os
import re
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import reading
from reading import Task

Json = dict[str, Any]

LETTERS_A_TOKEN = 4
FORM = re.compile(r"Answer: ")
EXAMPLE = re.compile(r"^(?:Question|Q|Customer|User): ", re.MULTILINE)
STEPS = re.compile(r"step by step|your working|reasoning|think (?:first|before)", re.IGNORECASE)
NOT_KNOWN = re.compile(r"unknown|do(?:es)? not know|don't know", re.IGNORECASE)
CHECKING = re.compile(r"\b(?:check|verify|review|correct)\b", re.IGNORECASE)
INSISTS = re.compile(
    r"\b(?:use|call|with)\b[^.]*\btools?\b|\balways (?:use|call|look)", re.IGNORECASE
)


@dataclass(frozen=True)
class Mind:
    """The chances of each error that a request implies, and the random number that decides."""

    key: str
    hardness: float  # of this question, for every request about it
    told: str
    temperature: float
    examples: int
    checks: bool

    def errs(self, what: str, chance: float) -> bool:
        """Return True if it errs in one way, by chance."""
        heat = 0.75 + 0.35 * self.temperature
        care = (0.6 if self.checks else 1) * heat * self.hardness
        return self.draw(what) < min(0.95, chance * care)

    def draw(self, what: str) -> float:
        """Return a number from 0 to 1, the same for the same request, count and seed."""
        return _number(f"{self.key} {what}")

    @property
    def by_steps(self) -> bool:
        """Return True if it reasons aloud before it answers."""
        return bool(STEPS.search(self.told))


def answer(request: Json, count: int, seed: str) -> Json:
    """Return the next message: the call of a tool, or words.

    `count` tells how often the same was asked before.
    """
    messages = [(m["role"], _text(m.get("content"))) for m in request["messages"]]
    asked = [text for role, text in messages if role == "user"]
    mind = _mind(request, asked, count, seed)
    task = reading.understand(asked[-1] if asked else "")
    if task is None:
        return _words("I am not sure what you mean.")
    if mind.errs("misread", 0.16 * 0.7**mind.examples):
        task = task.misread(mind.draw("how"))
    past = [m for m in request["messages"] if m["role"] in ("assistant", "tool")]
    tools = [tool["function"] for tool in request.get("tools") or []]
    everything = "\n".join(text for _, text in messages)
    slip = mind.draw("row") if mind.errs("slip", 0.007 * reading.rows(everything)) else None
    wanted = reading.next_call(task, mind.told, past, tools, slip)
    if wanted and _calls(mind, wanted[0]):
        return _called([_slipped(call, mind) for call in wanted])
    texts = [text for role, text in messages if role == "tool"]
    return _words(_final(task, mind, texts, everything, slip))


def _mind(request: Json, asked: list[str], count: int, seed: str) -> Mind:
    texts = [
        _text(m.get("content")) for m in request["messages"] if m["role"] in ("system", "user")
    ]
    told, hot = "\n".join(texts), float(request.get("temperature") or 0)
    said = json.dumps([request["messages"], sorted(map(str, request.get("tools") or []))])
    said = re.sub(r'"call_\w+"', "", said)
    return Mind(
        key=f"{seed} {count if hot else 0} {said}",
        hardness=0.3 + 1.4 * _number(reading.question(asked[-1] if asked else "")),
        told=told,
        temperature=hot,
        examples=min(6, len(EXAMPLE.findall(told))),
        checks=bool(asked and FORM.search(asked[-1]) and CHECKING.search(asked[-1])),
    )


def _calls(mind: Mind, call: reading.Call) -> bool:
    """Return True if it considers the tool: the prompt asks for it and it is described."""
    told = INSISTS.search(mind.told) or re.search(rf"`{call.tool}`", mind.told)
    chance = (0.06 if told else 0.3) + (0.0 if len(call.about.split()) >= 6 else 0.25)
    return not mind.errs(f"overlook {call.sort}", chance)


def _slipped(call: reading.Call, mind: Mind) -> reading.Call:
    """Return the call, perhaps with the name of the question: plural, in small letters."""
    slips = call.sort == "look up" and mind.errs(f"slip {call.arguments}", 0.3)
    return call.misnamed() if slips else call


def _final(task: Task, mind: Mind, results: list[str], everything: str, slip: float | None) -> str:
    """Return the final answer, right or wrong, in the requested form or another."""
    value = _value(task, mind, results, reading.facts(task, everything, slip=slip))
    working = f"Let me see. {task.working(everything)} " if mind.by_steps else ""
    if not mind.errs("form", 0.25 * 0.35**mind.examples) and FORM.search(mind.told):
        return f"{working}\nAnswer: {value}".strip()
    return f"{working}That would be {value}, I believe."


def _value(task: Task, mind: Mind, results: list[str], facts: list[reading.Fact] | None) -> str:
    found = reading.last_calculated(task, results)
    if found is not None and not mind.errs("expression", 0.1 * 0.8**mind.examples):
        return f"{found:.2f}"
    if facts is None:
        made_up = mind.errs("made up", 0.08 if NOT_KNOWN.search(mind.told) else 0.75)
        return f"{20 + 300 * mind.draw('guess'):.2f}" if made_up else "unknown"
    if task.kind == "extreme":
        wrong = mind.errs("comparison", 0.05 * len(facts) * (0.5 if mind.by_steps else 1))
        return task.pick(facts, skip=1 if wrong and len(facts) > 1 else 0)
    value = task.compute([float(figure) for _, figure in facts])
    chance = 1 - (0.88 if mind.by_steps else 0.6) ** task.operations
    if task.operations and mind.errs("arithmetic", chance):
        value += (10 if mind.draw("digit") < 0.5 else -1) * (1 + int(9 * mind.draw("off")))
    return f"{value:.2f}" if task.is_money else f"{value:.0f}"


# ---------------------------------------------------------------- the protocol


def _number(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""


def _words(text: str) -> Json:
    return {"role": "assistant", "content": text}


def _called(calls: list[reading.Call]) -> Json:
    told = [
        {
            "id": f"call_{place}{hashlib.sha256(repr(call).encode()).hexdigest()[:12]}",
            "type": "function",
            "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
        }
        for place, call in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": told}


def completion(request: Json, count: int, seed: str) -> Json:
    """Return a whole answer of the protocol, with what it cost in tokens."""
    message = answer(request, count, seed)
    said = {"messages": request["messages"], "tools": request.get("tools")}
    prompt, given = (len(json.dumps(part)) // LETTERS_A_TOKEN for part in (said, message))
    return {
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "local"),
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": given,
            "total_tokens": prompt + given,
        },
    }


class Server(ThreadingHTTPServer):
    """Serves on a free port of loopback, and counts what was asked before."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, seed: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seed, self.asked, self.lock = seed, Counter[str](), threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def complete(self, body: bytes) -> Json:
        """Answer one request; ValueError or KeyError where it is none."""
        request = json.loads(body)
        key = json.dumps(request["messages"])
        with self.lock:
            count = self.asked[key]
            self.asked[key] += 1
        return completion(request, count, self.seed)


class Handler(BaseHTTPRequestHandler):
    """Chat completions, without streaming."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answer a request, or tell what is wrong with it."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        try:
            status, told = 200, self.server.complete(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            status, told = 400, {"error": {"message": f"not understood: {error!r}"}}
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = Server(os.environ.get("AUTORESEARCH_SEED", "0"))
    print(server.url, flush=True)
    server.serve_forever()
