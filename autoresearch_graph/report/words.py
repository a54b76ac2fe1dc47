"""Text of a run or a model as a report may show it, and figures as a person says them."""

import re

# Control codes, and marks that make a line read otherwise than it runs.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def visible(text: str) -> str:
    """Text with its invisible characters written out."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def markdown(text: str) -> str:
    """Text on one line in which nothing is markup."""
    line = " ".join(visible(text).split())
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))
