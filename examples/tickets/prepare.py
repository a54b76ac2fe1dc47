"""Write train.csv, tickets.csv and answers.csv. Nobody runs this in a research.

python prepare.py                     # tickets of a made-up shop, from a seed: those that lie here
python prepare.py banking77           # Banking77, which is downloaded (1 MB)
python prepare.py banking77 FOLDER    # the same from a folder with its train.csv and test.csv

Banking77 are 13,083 questions to a bank in 77 intents, by Casanueva et al., "Efficient Intent
Detection with Dual Sentence Encoders" (2020), CC BY 4.0; its test half has 40 of each.
"""

import csv
import hashlib
import io
import random
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

URL = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data/"
TRAIN, ASKED = 1_000, 1_500  # made-up tickets
RAREST = 0.2  # how often the rarest intent comes, beside the most frequent one
TYPOS, WRONG = 0.12, 0.06  # shares of words with a slip, and of train labels that are another's
NEW = 0.08  # how often the last wording of an intent is in training, beside the others
SEED = 7

Row = tuple[str, str]  # text, intent


def main() -> None:
    """Write the three files, by what was asked for."""
    match sys.argv[1:]:
        case []:
            train, asked = made_up()
        case ["banking77"]:
            train, asked = downloaded("train.csv"), downloaded("test.csv")
        case ["banking77", folder]:
            train, asked = (
                rows((Path(folder) / name).read_text(encoding="utf-8"))
                for name in ("train.csv", "test.csv")
            )
        case _:
            sys.exit(__doc__)
    asked = sorted(asked, key=lambda row: hashlib.sha256(row[0].encode()).digest())
    write("train.csv", ("text", "intent"), train)
    write("tickets.csv", ("text",), [(text,) for text, _ in asked])
    write("answers.csv", ("intent", "part"), in_halves(intent for _, intent in asked))


def in_halves(intents: Iterable[str]) -> Iterator[Row]:
    """Every second ticket of each intent is held out."""
    seen: Counter[str] = Counter()
    for intent in intents:
        seen[intent] += 1
        yield intent, "dev" if seen[intent] % 2 else "holdout"


def downloaded(name: str) -> list[Row]:
    """Fetch a file of Banking77; end the program in one sentence if there is no network."""
    try:
        with urllib.request.urlopen(URL + name, timeout=30) as answer:
            return rows(answer.read().decode())
    except OSError as error:
        sys.exit(f"{URL}{name} cannot be read: {error}")


def rows(text: str) -> list[Row]:
    """Text and intent of a file of Banking77."""
    found = csv.DictReader(io.StringIO(text, newline=""))
    return [(" ".join(row["text"].split()), row["category"]) for row in found]


def write(name: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write a CSV file beside the others."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *lines])


# ---------------------------------------------------------------- the made-up shop

ITEMS = "kettle,pair of boots,desk lamp,jacket,phone case,tent,blender,backpack,watch,keyboard"
TIMES = "yesterday,last week,on Monday,two days ago,ten days ago,this morning,in March"
HELLOS = ",,,,Hi. ,Hello! ,Good morning. ,Hey there. ,Dear team. ,Sorry to bother you. "
ENDS = ",,,,, Thanks., Please help., Can you check?, This is urgent., I am not happy., Regards"
ASIDES = (
    "I ordered a {item} {time}.",
    "It was a {item}, a present for my sister.",
    "I already called the hotline {time}.",
    "My order came to a good 80 euros.",
    "I paid by card as always.",
    "I changed my address in the account {time}.",
    "Normally delivery takes three days.",
    "Last time the refund took a week.",
)
INTENTS = {
    "delivery_late": "my {item} should have been here {time}|still waiting for the {item} from "
    "{time}|the parcel is overdue|delivery date has passed and nothing came",
    "delivery_status": "where is my {item}|can I see how far the parcel is|what day will the "
    "{item} get here|the link to follow my parcel shows nothing",
    "delivery_not_received": "it says delivered but I have no parcel|the courier claims he left "
    "the {item} {time}, it is not here|marked as handed over, nobody got it",
    "delivery_address": "please send the {item} to another address|I typed the wrong street for my"
    " parcel|can the order go to my office instead",
    "order_cancel": "I want to cancel the {item}|stop my order from {time} before it ships|please "
    "do not send the {item}, I changed my mind",
    "order_change": "can I swap the colour of the {item} I ordered|make it two instead of one "
    "{item}|I need another size on my open order",
    "order_confirmation": "no confirmation mail came for my order|did my order of {time} go "
    "through|I never got an order number for the {item}",
    "return_how": "how do I send the {item} back|what is the way to return a {item}|where can I "
    "print a label to send it back",
    "return_deadline": "how long can I send something back|is it too late to return the {item} "
    "from {time}|until when may I bring the {item} back",
    "refund_status": "when do I get my money back|I returned the {item} {time}, where is the "
    "refund|how long until the money is on my card",
    "refund_amount": "the refund is less than I paid|you gave back only part of the money for the "
    "{item}|why were shipping costs kept from my refund",
    "exchange": "I would like to exchange the {item} for a larger one|the {item} does not fit, can"
    " I get another size|swap my {item} for the blue one I have it here already",
    "damaged": "the {item} arrived broken|box was crushed and the {item} has a crack|the {item} "
    "came with scratches all over",
    "defective": "the {item} stopped working {time}|my {item} will not turn on any more|it broke "
    "after two uses, is that under warranty",
    "wrong_item": "I got a {item} that I did not order|you sent somebody else's {item}|the box had"
    " the wrong colour in it",
    "missing_part": "a part of the {item} is missing|the screws were not in the box|only one of "
    "the two things I ordered was in the parcel",
    "charged_twice": "I was charged two times for the {item}|the same amount left my account "
    "twice|double payment on {time}'s order",
    "payment_failed": "my card is declined at checkout|paying does not work|the payment page gives"
    " an error since {time}",
    "invoice": "I need an invoice for the {item}|please mail me a bill with VAT|where do I find "
    "the receipt of {time}",
    "discount_code": "the code from your mail is not accepted|my voucher was not taken off|coupon "
    "says expired but it is new",
    "login": "I cannot get into my account|the password mail never comes|locked out since {time}",
    "account_delete": "delete my account and my data|please remove me from your system|close my "
    "profile for good",
    "stock": "when is the {item} available again|is the {item} in stock|do you get the {item} in "
    "green any time soon",
    "newsletter": "stop sending me mails|I unsubscribed {time} and still get your offers|take me "
    "off the mailing list",
}


def made_up() -> tuple[list[Row], list[Row]]:
    """Tickets for training, some with another's label, and those that are asked."""
    rng = random.Random(SEED)
    train = [ticket(rng, new=NEW) for _ in range(TRAIN)]
    intents = list(INTENTS)
    mixed = [(t, rng.choice(intents) if rng.random() < WRONG else i) for t, i in train]
    return mixed, [ticket(rng, new=1) for _ in range(ASKED)]


def ticket(rng: random.Random, *, new: float) -> Row:
    """One ticket: an intent by its frequency, in one of its wordings, with whatever else."""
    rank = len(INTENTS) - 1
    weights = [RAREST ** (number * 5 % (rank + 1) / rank) for number in range(rank + 1)]
    intent = rng.choices(list(INTENTS), weights)[0]
    *usual, newest = INTENTS[intent].split("|")
    wording = rng.choices([*usual, newest], [1] * len(usual) + [new])[0]
    parts = [wording[0].upper() + wording[1:] + rng.choice(".?!")]
    if rng.random() < 0.6:
        parts.insert(rng.randrange(2), rng.choice(ASIDES))
    text = rng.choice(HELLOS.split(",")) + " ".join(parts) + rng.choice(ENDS.split(","))
    filled = text.format(item=rng.choice(ITEMS.split(",")), time=rng.choice(TIMES.split(",")))
    return " ".join(slip(word, rng) for word in filled.split()), intent


def slip(word: str, rng: random.Random) -> str:
    """Now and then a letter is lost, doubled or swapped with the next."""
    if len(word) < 4 or rng.random() > TYPOS:
        return word
    at = rng.randrange(1, len(word) - 1)
    a, b = word[at], word[at + 1]
    return word[:at] + rng.choice([b, a + a + b, b + a]) + word[at + 2 :]


if __name__ == "__main__":
    main()
