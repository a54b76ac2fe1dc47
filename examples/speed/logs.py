"""Make up the log of a web server.

python logs.py 5000 1    # so many lines, from this seed
"""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

PAGES = "/,/search?q={w},/item/{n},/item/{n}/reviews?page={n},/cart,/user/{n}/orders/{n},/about"
WORDS = "lamp,boots,tent,watch,kettle"
BROKEN = '- - [broken\n\n"GET / HTTP/1.1" 200 5\n203.0.113.9 - - [x] "GET / HTTP/1.1" 20 1 0.1'


def log(size: int, seed: int) -> str:
    """So many lines, a few of which nobody can read; another seed is another day and crowd."""
    return "".join(f"{line}\n" for line in _lines(size, random.Random(seed)))


def _lines(size: int, rng: random.Random) -> Iterator[str]:
    time = datetime(2026, rng.randrange(1, 13), rng.randrange(1, 28), tzinfo=UTC)
    hosts = [f"203.0.{rng.randrange(256)}.{rng.randrange(256)}" for _ in range(300)]
    pages = PAGES.split(",")
    weights = [rng.random() for _ in pages]
    for _ in range(size):
        if rng.random() < 0.002:
            yield rng.choice(BROKEN.split("\n"))
            continue
        time += timedelta(seconds=rng.expovariate(2))
        path = rng.choices(pages, weights)[0]
        path = path.replace("{w}", rng.choice(WORDS.split(",")))
        while "{n}" in path:
            path = path.replace("{n}", str(int(rng.paretovariate(0.6)) % 100_000), 1)
        status = rng.choices([200, 304, 404, 500, 503], [90, 4, 4, 1, 1])[0]
        sent = "-" if status == 304 else rng.randrange(200, 60_000)
        yield (
            f"{hosts[min(299, int(rng.expovariate(0.02)))]} - - [{time:%d/%b/%Y:%H:%M:%S %z}] "
            f'"GET {path} HTTP/1.1" {status} {sent} {rng.lognormvariate(-3, 1):.3f}'
        )


if __name__ == "__main__":
    sys.stdout.write(log(int(sys.argv[1]), int(sys.argv[2])))
