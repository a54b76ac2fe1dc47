"""The three commands: experiment, evaluation and check."""

import re

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.prose import scattered_commands
from autoresearch_graph.program.shell import is_no_output, looks_like_command, script
from autoresearch_graph.program.statements import Statement, agree, with_flag

_SHELLS = ("", "bash", "console", "sh", "shell", "shell-session", "terminal", "zsh")


def read_experiment(document: Document, supplied: str | None) -> Statement[str] | None:
    """The experiment command, without a redirection to a log."""
    stated = _stated(document, "experiment")
    if stated is None and "experiment" not in document.front:
        stated = agree("experiment command", scattered_commands(document.blocks))
    flag = None if supplied is None else Statement(script(supplied), None)
    return with_flag("experiment command", "--command", flag, stated)


def read_optional(document: Document, field: str) -> Statement[str] | None:
    """The evaluation or check command; its heading must hold one.

    Without this error a metric that was meant to be evaluated would be self-reported.
    """
    stated = _stated(document, field)
    if stated is None and (sections := document.proper(field)):
        raise ProgramError(
            f"`{sections[0].title}` holds no command; put one in a code block, "
            "or change the heading if this is prose",
            line=sections[0].line,
        )
    return stated


def _stated(document: Document, field: str) -> Statement[str] | None:
    if entry := document.front.get(field):
        return _cleaned(entry.command())
    commands = (_in_section(section) for section in document.proper(field))
    return agree(f"{field} command", (command for command in commands if command))


def _in_section(section: Section) -> Statement[str] | None:
    """The first code block, else the span that a block begins with, else a lone span.

    In prose about the experiment the one span that looks like a command will do.
    """
    for block in section.body:
        if block.kind == "code" and block.language in _SHELLS and block.text.strip():
            return _cleaned(Statement(block.text, block.line))
    spans = [span for block in section.blocks for span in block.spans if is_no_output(span.text)]
    leading = [block.spans[0] for block in section.body if _leads_with_command(block)]
    likely = [span for span in spans if looks_like_command(span.text)]
    if section.field == "experiment" and len({span.text for span in likely}) == 1:
        leading += likely
    chosen = leading[:1] or (spans if len(spans) == 1 else [])
    return _cleaned(Statement(chosen[0].text, chosen[0].line)) if chosen else None


def _leads_with_command(block: Block) -> bool:
    begins = block.kind != "code" and block.spans and re.match(r"\W*`", block.text)
    return bool(begins) and looks_like_command(block.spans[0].text)


def _cleaned(statement: Statement[str]) -> Statement[str] | None:
    command = script(statement.value)
    return Statement(command, statement.line) if command else None
