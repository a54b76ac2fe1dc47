"""Helpers of tests about a model that reads program.md."""

import json
import subprocess
from pathlib import Path

from tests.support.cli import autoresearch
from tests.support.raw_server import Answer, RawServer, said

Given = tuple[str, str, str]  # field, value, quotation
LOCK = ".autoresearch/program.lock.toml"


def values(text: str, *given: Given) -> str:
    """The JSON of a model that read a text, each quotation with the line where it begins."""
    found = [
        {
            "field": field,
            "value": value,
            "quotation": quotation,
            "line": text[: max(text.find(quotation), 0)].count("\n") + 1,
        }
        for field, value, quotation in given
    ]
    return json.dumps({"values": found, "questions": []}, ensure_ascii=False)


def reading(text: str, *given: Given) -> Answer:
    return said(values(text, *given))


def read_with(
    server: RawServer, command: str, project: Path, *more: object
) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line with the scripted server as the reader of program.md."""
    options = ("--read-with", "openai:scripted", "--base-url", server.url)
    return autoresearch(command, project, *options, *more)
