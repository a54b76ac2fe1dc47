"""Write catalogue.csv, questions.csv and answers.csv, from a seed. Nobody runs this in a research.

python prepare.py

Half of the kinds of products are held out with all their questions, so that no question of the
holdout is about a product that an agent was improved on.
"""

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SEED = 11
EACH = 14  # questions of a sort, in each half
MAKERS = "Alpine,Birch,Canyon,Delta,Ember,Fjord"
KINDS = {  # price in euros and weight in grams, from and to
    "dev": {"tent": (89, 420, 1400, 5200), "lamp": (12, 75, 90, 900),
            "kettle": (15, 60, 180, 1100), "jacket": (49, 260, 300, 1300)},
    "holdout": {"stove": (25, 140, 80, 900), "hammock": (29, 120, 350, 1500),
                "backpack": (45, 240, 700, 2600), "blanket": (18, 95, 400, 2100)},
}  # fmt: skip
STRANGERS = "Glacier,Harbour,Indigo,Juniper"  # makers of nothing in the catalogue

Product = dict[str, str]
Asked = tuple[str, str]  # a question and its answer


def main() -> None:
    """Write the three files."""
    rng = random.Random(SEED)
    halves = {half: [*products(rng, kinds)] for half, kinds in KINDS.items()}
    asked = [(half, *pair) for half, known in halves.items() for pair in questions(rng, known)]
    rng.shuffle(asked)
    both = sorted((p for known in halves.values() for p in known), key=lambda p: p["name"])
    write("catalogue.csv", [*both[0]], [[*product.values()] for product in both])
    write("questions.csv", ["question"], [[question] for _, question, _ in asked])
    write("answers.csv", ["part", "answer"], [[half, answer] for half, _, answer in asked])


def products(rng: random.Random, kinds: dict[str, tuple[int, int, int, int]]) -> Iterator[Product]:
    """Six products of each kind, no two with the same price or weight."""
    for kind, (cheap, dear, light, heavy) in kinds.items():
        prices, weights = rng.sample(range(cheap, dear), 6), rng.sample(range(light, heavy, 10), 6)
        for maker, price, weight in zip(MAKERS.split(","), prices, weights, strict=True):
            yield {
                "name": f"{maker} {kind}",
                "price": f"{price + rng.choice((0.5, 0.9, 0.95)):.2f}",
                "weight_g": str(weight),
                "stock": str(rng.randrange(1, 60)),
            }


def questions(rng: random.Random, known: Sequence[Product]) -> Iterator[Asked]:
    """Of each sort the same number, all different."""
    for sort in (fact, total, difference, discount, extreme, missing):
        found: dict[str, str] = {}
        while len(found) < EACH:
            found.update([sort(rng, known)])
        yield from found.items()


FACTS = {
    "price": ("What does the {} cost?", "What is the price of the {}?"),
    "weight_g": ("How heavy is the {}, in grams?", "What does the {} weigh, in grams?"),
    "stock": ("How many of the {} are in stock?", "How many pieces of the {} are left in stock?"),
}


def fact(rng: random.Random, known: Sequence[Product]) -> Asked:
    """One figure of one product."""
    product, (field, wordings) = rng.choice(known), rng.choice([*FACTS.items()])
    return rng.choice(wordings).format(product["name"]), product[field]


def total(rng: random.Random, known: Sequence[Product]) -> Asked:
    """Return the price of some pieces of two products."""
    (a, b), m, n = rng.sample(known, 2), rng.randrange(2, 10), rng.randrange(2, 10)
    wording = rng.choice(
        ("What do {} and {} cost together?", "I take {} and {}. What is that together?")
    )
    asked = wording.format(f"{m} {a['name']}s", f"{n} {b['name']}s")
    return asked, f"{m * float(a['price']) + n * float(b['price']):.2f}"


def difference(rng: random.Random, known: Sequence[Product]) -> Asked:
    """By how much one product costs more than another."""
    b, a = sorted(rng.sample(known, 2), key=lambda product: float(product["price"]))
    asked = f"How much more does the {a['name']} cost than the {b['name']}?"
    return asked, f"{float(a['price']) - float(b['price']):.2f}"


def discount(rng: random.Random, known: Sequence[Product]) -> Asked:
    """Return the price of some pieces, with a rule that may or may not apply to them."""
    product, off, least = rng.choice(known), rng.choice((5, 10, 15, 20)), rng.choice((5, 10, 12))
    pieces = rng.randrange(3, 20)
    rule = f"From {least} pieces on there is {off} % off."
    price = pieces * float(product["price"]) * (1 - off / 100 * (pieces >= least))
    return f"{rule} What do I pay for {pieces} {product['name']}s?", f"{price:.2f}"


def extreme(rng: random.Random, known: Sequence[Product]) -> Asked:
    """Make a question for the product of a kind with least or most of something."""
    kind = rng.choice(known)["name"].split()[1]
    words: tuple[tuple[str, str, Callable[..., Product]], ...] = (
        ("cheapest", "price", min), ("most expensive", "price", max),
        ("lightest", "weight_g", min), ("heaviest", "weight_g", max),
    )  # fmt: skip
    word, field, pick = rng.choice(words)
    of_kind = [product for product in known if product["name"].endswith(kind)]
    best = pick(of_kind, key=lambda product: float(product[field]))
    return f"Which of your {kind}s is the {word}?", best["name"]


def missing(rng: random.Random, known: Sequence[Product]) -> Asked:
    """Return a figure of a product that is not in the catalogue."""
    kind = rng.choice(known)["name"].split()[1]
    wording = rng.choice([text for wordings in FACTS.values() for text in wordings])
    return wording.format(f"{rng.choice(STRANGERS.split(','))} {kind}"), "unknown"


def write(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file beside the others."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    main()
