"""Text: JSON, CSV, regular expressions, HTML, templates, comparing."""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import html.parser
import io
import json
import random
import re
import string
import tokenize
from collections import Counter

from benchmarks.judgement.case import Case

WORDS = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "omicron",
    "pi",
    "tau",
)
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\d+)')
PAGE = string.Template("<li><a href='$link'>$title</a> by $author, $year</li>")


def sentences(count: int, words: int) -> list[str]:
    """Give texts of so many words, each another one."""
    numbers = random.Random(43)
    return [" ".join(numbers.choices(WORDS, k=words)) for _ in range(count)]


def documents(count: int) -> list[str]:
    """Give JSON of about 15 KB."""
    numbers = random.Random(44)
    return [
        json.dumps([{"id": n, "name": numbers.choice(WORDS), "score": numbers.random()} for n in range(250)])
        for _ in range(count)
    ]


def sum_of_scores(document: str) -> float:
    """Read JSON and sum up."""
    return float(sum(row["score"] for row in json.loads(document)))


def spreadsheets(count: int) -> list[str]:
    """Give CSV of 300 rows."""
    numbers = random.Random(45)
    return ["\n".join(f"{n},{numbers.choice(WORDS)},{numbers.random()}" for n in range(300)) for _ in range(count)]


def totals(spreadsheet: str) -> dict[str, float]:
    """Read CSV and sum up by name."""
    sums: dict[str, float] = {}
    for _, name, score in csv.reader(io.StringIO(spreadsheet)):
        sums[name] = sums.get(name, 0) + float(score)
    return dict(sorted(sums.items()))


def letters(count: int) -> list[str]:
    """Give texts with a few addresses in them."""
    return [text.replace("omicron", f"writer{n}@example.org") for n, text in enumerate(sentences(count, 2_000))]


def addresses(letter: str) -> list[str]:
    """Find the addresses."""
    return ADDRESS.findall(letter)


def pages(count: int) -> list[str]:
    """Give HTML of about 10 KB."""
    return [
        f"<html><body>{'<p class=x>' + text[:60] + '<b>!</b></p>' * 150}</body></html>" for text in sentences(count, 20)
    ]


class Links(html.parser.HTMLParser):
    """Counts the tags."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count one."""
        self.tags[tag] += 1


def count_tags(page: str) -> dict[str, int]:
    """Parse a page."""
    parser = Links()
    parser.feed(page)
    return dict(parser.tags)


def likeness(pair: tuple[str, str]) -> float:
    """Compare two texts."""
    return difflib.SequenceMatcher(None, *pair).ratio()


def pairs(count: int) -> list[tuple[str, str]]:
    """Give pairs of texts of about 600 letters."""
    found = sentences(2 * count, 100)
    return list(zip(found[::2], found[1::2], strict=True))


def count_words(text: str) -> int:
    """Split a text and count its words."""
    return Counter(re.findall(r"[a-z]+", text.lower())).most_common(1)[0][1]


def fill_in(number: int) -> str:
    """Fill in a template: some 5 µs."""
    return PAGE.substitute(
        link=f"/{number}", title=WORDS[number % 7], author=WORDS[number % 5], year=1900 + number % 99
    )


def programs(count: int) -> list[str]:
    """Give Python programs of 100 lines."""
    return [f"def f{n}(a, b):\n    return a + b * {n}\n\n\n" * 25 for n in range(count)]


def count_tokens(program: str) -> int:
    """Take a program apart."""
    return sum(1 for _ in tokenize.generate_tokens(io.StringIO(program).readline))


def log_lines(count: int) -> list[str]:
    """Give lines of a web server's log."""
    line = '10.0.{}.7 - - [01/Feb/2024:10:{:02}:00] "GET /{} HTTP/1.1" 200 {}'
    return [line.format(n % 200, n % 60, n, n * 7) for n in range(count)]


def parse_line(line: str) -> tuple[str | None, ...]:
    """Take a line of a log apart: some microseconds."""
    found = LINE.match(line)
    return found.groups() if found else ()


def parse_date(number: int) -> str:
    """Read a date and write it in another form: some ten microseconds."""
    text = f"{1 + number % 28:02}/{1 + number % 12:02}/{1950 + number % 70} {number % 24:02}:30"
    return dt.datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=dt.UTC).isoformat()


CASES = (
    Case(name="lines of a log", function=parse_line, items=log_lines, count=50_000),
    Case(name="dates", function=parse_date, count=20_000),
    Case(name="JSON 15 KB", function=sum_of_scores, items=documents, count=1_500),
    Case(name="CSV 300 rows", function=totals, items=spreadsheets, count=600),
    Case(name="regular expression", function=addresses, items=letters, count=600),
    Case(name="HTML tags", function=count_tags, items=pages, count=200),
    Case(name="difflib", function=likeness, items=pairs, count=60),
    Case(name="count words", function=count_words, items=lambda count: sentences(count, 300), count=3_000),
    Case(name="templates", function=fill_in, count=40_000),
    Case(name="tokenize programs", function=count_tokens, items=programs, count=150),
)
