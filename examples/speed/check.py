"""Check that a program prints the same as reference.py, on small logs and on odd ones.

python check.py -- python report.py
"""

import subprocess
import sys

from logs import log

GOOD = '203.0.113.5 - - [12/Mar/2026:06:25:24 +0000] "GET /item/7?x=1 HTTP/1.1" 503 80 0.042'
LOGS = {
    "nothing": "",
    "a line without its end": GOOD,
    "one line": f"{GOOD}\n",
    "empty lines": f"\n{GOOD}\n\n",
    "words": "what is this\n",
    "no size": GOOD.replace(" 80 ", " - ") + "\n",
    "too much in a line": f"{GOOD} and more\n",
    "two hours": f"{GOOD}\n{GOOD.replace(':06:', ':07:')}\n",
    "other letters": GOOD.replace("item", "größe") + "\n",
    **{f"seed {seed}": log(300, seed) for seed in range(5)},
}
REFERENCE = [sys.executable, "reference.py"]


def main(command: list[str]) -> None:
    """Compare on every log; ends the program at the first that differs."""
    for name, text in LOGS.items():
        expected, found = answer(REFERENCE, text), answer(command, text)
        if found != expected:
            sys.exit(f"{name}: {expected!r} is expected, {found!r} was printed")
    print(f"logs: {len(LOGS)}")


def answer(command: list[str], text: str) -> tuple[bool, str]:
    """Return whether a program ended well, and its output."""
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1 :])
