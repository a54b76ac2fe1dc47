"""Texts of runs, models and people, made safe to show: no credentials, no hidden characters.

No run, log, prompt or trace gets what looks like a credential.
"""

import re
from collections.abc import Mapping

_SHORTEST = 8
_NAME = re.compile(
    r"PASSW|PASSPHRASE|SECRET|CREDENTIAL|COOKIE|XAUTHORITY|DOCKER_HOST|"
    r"(?:KEY|KEYS|KEY_?ID|TOKENS?|AUTH|PASS|PWD|PAT|JWT|BEARER|SOCK|SOCKET|DSN)\d*(?:_|$)",
    re.IGNORECASE,
)
_URL = re.compile(r"(?<=://)([^/\s@:]*:)[^/\s@]+(?=@)|(?<=[?&])((?:ssl)?password=)[^&\s]+")
_PREFIXES = r"sk-|sk_|rk_|gh[opsur]_|github_pat_|glpat-|hf_|xox[abeprs]-|AKIA|ASIA|AIza|lsv2_|eyJ"
_PREFIXES += r"|npm_|pypi-|dop_v1_|gsk_|r8_|xai-|pplx-|nvapi-|ya29\.|dckr_pat_|whsec_|GOCSPX-"
_VALUE = re.compile(
    rf"://[^/\s@]*:[^/\s@]+@|[?&](?:ssl)?password=|^unix:|\.sock$|-----BEGIN |^(?:{_PREFIXES})"
)
_WORDS = (
    r"secret|token|(?:api|access|account|private)[_-]?key(?:[_-]?id)?|auth|signature|credential"
)
_NUMBER = r"[+-]?[\d.]+(?:e[+-]?\d+)?(?:[\s\"',;%]|$)"
# Forms of keys. What is repeated is bounded: a run chooses the text.
_KEYS = (
    re.compile(r"()-----BEGIN [^-]{0,40}PRIVATE KEY-----.*?(?:-----END [^-]{0,40}-----|\Z)", re.S),
    re.compile(rf"()(?<![A-Za-z0-9-])(?:{_PREFIXES})[\w.+/=~-]{{10,}}"),
    re.compile(r"((?<=://)[^/\s@:]{0,200}:)[^/\s@]{1,200}(?=@)"),
    re.compile(r"(hooks\.slack\.com/services/)[\w/]{10,}"),
    re.compile(r"()\b\d{8,10}:AA[\w-]{30,}"),  # of a bot of Telegram
    re.compile(r"(pass(?:word|wd|phrase)[\"']?\s{0,9}[:=]\s{0,9}[\"']?)[^\s\"',;]{4,}", re.I),
    re.compile(r"((?:bearer|basic)\s{1,9})[\w.+/=~-]{16,}", re.IGNORECASE),
    re.compile(
        rf"((?:{_WORDS})[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?)(?!{_NUMBER})"
        r"(?=[^\s\"']{0,200}[a-z])(?=[^\s\"']{0,200}\d)[^\s\"',;]{8,}",
        re.IGNORECASE,
    ),
)
_BLOT = "(a key)"


def is_credential(name: str, value: str = "") -> bool:
    """Return True if a variable looks like a key, a password, a token or the path of a socket."""
    return bool(_NAME.search(name) or _VALUE.search(value))


def without_credentials(text: str, environ: Mapping[str, str]) -> str:
    """Return a text, clean, without the credentials of this process or what looks like one."""
    text = clean(text)
    for name, value in environ.items():
        if len(value) >= _SHORTEST and value in text and is_credential(name, value):
            text = text.replace(value, f"({name})")
    return without_keys(text)


def without_keys(text: str) -> str:
    """Return a text, clean, with what has the form of a key replaced.

    It is cleaned first, because a colour code or an invisible letter hides a key from the patterns,
    and from nobody else. Not covered: a key that looks like any other word.
    """
    text = clean(text)
    for pattern in _KEYS:
        text = pattern.sub(rf"\1{_BLOT}", text)
    return text


def without_password(url: str) -> str:
    """Return a URL, or a command with one, with the password in it replaced."""
    return _URL.sub(lambda found: f"{found[1] or found[2]}***", url)


_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)
# Progress is written over by a row of backspaces; a single one is a letter struck twice.
_BACK = re.compile("\x08{2,}")
# Control codes, surrogates, tags, and marks that make a line read otherwise than it runs.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """Return `text` without terminal codes, control, bidirectional and invisible characters.

    A carriage return, or a row of backspaces, starts a new line, so no progress that was written
    over is lost. Not covered: the words themselves. They stay untrusted and are to be bounded and
    fenced as data.
    """
    text = _BACK.sub("\n", _ESCAPE.sub("", text))
    return _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return `text`, clean, on one line with single spaces."""
    return " ".join(clean(text).split())


def visible(text: str) -> str:
    """Return `text` with its hidden characters written out."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def markdown(text: str) -> str:
    """Return `text` on one line, escaped so that nothing in it is markup."""
    line = " ".join(visible(text).split())
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))
