"""The program as it was: what answers and time are measured against. Nobody edits this."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

CHUNK = 256  # one of: 256, 1024, 16384, 262144, 4194304
TIMES_KEPT = 0  # one of: 0, 16, 256, 4096
PATHS_KEPT = 0  # one of: 0, 16, 256, 4096
TAKE_APART = "pattern"  # one of: "pattern", "split"

LINE = re.compile(
    r'(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (\S+) HTTP/[\d.]+" (\d{3}) (\d+|-) (\d+\.\d+)'
)


def main() -> None:
    """Read the log from standard input and print the report."""
    seconds: dict[str, list[float]] = defaultdict(list)
    errors: Counter[datetime] = Counter()
    sent: Counter[str] = Counter()
    unread = 0
    for line in lines():
        fields = take_apart(line)
        if fields is None:
            unread += 1
            continue
        host, time, path, status, size, took = fields
        seconds[page(path)].append(float(took))
        hour = moment(time).replace(minute=0, second=0)
        if status.startswith("5"):
            errors[hour] += 1
        sent[host] += 0 if size == "-" else int(size)
    tell(seconds, errors, sent, unread)


def lines() -> Iterator[str]:
    """Yield the lines of the log, read a chunk at a time."""
    rest = ""
    while chunk := sys.stdin.read(CHUNK):
        *whole, rest = (rest + chunk).split("\n")
        yield from whole
    if rest:
        yield rest


def take_apart(line: str) -> tuple[str, ...] | None:
    """Host, time, path, status, size and seconds of a line; nothing where it is none."""
    if TAKE_APART == "split":
        parts = line.split(" ")
        if len(parts) == 11 and LINE.fullmatch(line):
            return parts[0], f"{parts[3][1:]} {parts[4][:-1]}", parts[6], *parts[8:]
    found = LINE.fullmatch(line)
    return found.group(1, 2, 4, 5, 6, 7) if found else None


@lru_cache(TIMES_KEPT)
def moment(time: str) -> datetime:
    """Return the time of `12/Mar/2026:06:25:24 +0000`."""
    return datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z")


@lru_cache(PATHS_KEPT)
def page(path: str) -> str:
    """Return a path without its query, with a star for each number."""
    return re.sub(r"\d+", "*", re.sub(r"\?.*", "", path))


def tell(
    seconds: dict[str, list[float]], errors: Counter[datetime], sent: Counter[str], unread: int
) -> None:
    """Print pages by their visits, hours by their errors, hosts by what was sent to them."""
    print(f"{sum(map(len, seconds.values()))} visits, {unread} lines that could not be read")
    for name in sorted(seconds, key=lambda name: (-len(seconds[name]), name)):
        took = sorted(seconds[name])
        slow = took[int(0.95 * (len(took) - 1))]
        print(f"{name}: {len(took)} visits, median {took[len(took) // 2]:.3f}, slow {slow:.3f}")
    for hour in sorted(errors):
        print(f"{hour:%Y-%m-%d %H} h: {errors[hour]} errors")
    for host in sorted(sent, key=lambda host: (-sent[host], host))[:10]:
        print(f"{host}: {sent[host]} bytes")


if __name__ == "__main__":
    main()
