"""What looks like a credential: no run, log, prompt or trace ever gets it."""

import re
from collections.abc import Mapping

_SHORTEST = 8
_NAME = re.compile(
    r"PASSW|PASSPHRASE|SECRET|CREDENTIAL|COOKIE|XAUTHORITY|DOCKER_HOST|"
    r"(?:KEY|KEYS|KEY_?ID|TOKENS?|AUTH|PASS|PWD|PAT|JWT|BEARER|SOCK|SOCKET|DSN)\d*(?:_|$)",
    re.IGNORECASE,
)
_URL = re.compile(r"(?<=://)([^/\s@:]*:)[^/\s@]+(?=@)|(?<=[?&])((?:ssl)?password=)[^&\s]+")
_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|[?&](?:ssl)?password=|^unix:|\.sock$|-----BEGIN |"
    r"^(?:sk-|sk_|gh[opsu]_|github_pat_|glpat-|hf_|xox[abprs]-|AKIA|AIza|lsv2_|eyJ)"
)


def is_credential(name: str, value: str = "") -> bool:
    """Whether a variable looks like a key, a password, a token or a way to a socket."""
    return bool(_NAME.search(name) or _VALUE.search(value))


def without_credentials(text: str, environ: Mapping[str, str]) -> str:
    """A text that others wrote, with the credentials of this process blotted out."""
    for name, value in environ.items():
        if len(value) >= _SHORTEST and value in text and is_credential(name, value):
            text = text.replace(value, f"({name})")
    return text


def without_password(url: str) -> str:
    """A URL, or a command with one, with the password in it blotted out."""
    return _URL.sub(lambda found: f"{found[1] or found[2]}***", url)
