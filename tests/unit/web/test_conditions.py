"""A page that is there already is asked for only if it has changed."""

from __future__ import annotations

import pytest

from poolwise.model.classes import frozen, replace
from poolwise.web.conditions import conditions, take_over

DATE = "Tue, 15 Nov 1994 12:45:26 GMT"


@frozen(kw_only=True)
class Record:
    status: int | None = 200
    final_url: str | None = "https://example.org/x"
    headers: tuple[tuple[str, str], ...] = (("ETag", '"abc"'), ("last-modified", DATE))
    bytes: int = 5
    path: str | None = "pages/x"
    ok: bool = True


def test_the_servers_own_words_are_given_back() -> None:
    """Both that it has given are sent, and the file is looked for first."""
    looked: list[tuple[str, int]] = []

    def holds(path: str, size: int) -> bool:
        looked.append((path, size))
        return True

    assert conditions(Record(), holds) == {"If-None-Match": '"abc"', "If-Modified-Since": DATE}
    assert looked == [("pages/x", 5)]


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ((("etag", 'W/"a"'),), {"If-None-Match": 'W/"a"'}),
        ((("ETAG", '""'),), {"If-None-Match": '""'}),
        ((("ETag", "abc"),), {}),
        ((("ETag", '"a" "b"'),), {}),
        ((("ETag", '"a"\r\nX: y'),), {}),
        ((("Last-Modified", DATE),), {"If-Modified-Since": DATE}),
        ((("Last-Modified", "yesterday"),), {}),
        ((), {}),
    ],
)
def test_what_is_malformed_is_not_given_back(headers: tuple[tuple[str, str], ...], asked: dict[str, str]) -> None:
    """A weak tag is one, too; what is no tag or no date asks nothing."""
    assert conditions(Record(headers=headers), lambda *_: True) == asked


@pytest.mark.parametrize(
    "changes", [{"ok": False}, {"status": 404}, {"status": None}, {"status": 206}, {"path": None}], ids=str
)
def test_what_is_not_there_is_fetched_anyway(changes: dict[str, object]) -> None:
    """A failure, an error's page, a part, or a body that was kept nowhere."""
    assert conditions(replace(Record(), **changes), lambda *_: True) == {}


def test_a_file_that_is_gone_is_fetched_anyway() -> None:
    """Or one that has another size than was written."""
    assert conditions(Record(), lambda *_: False) == {}


def test_an_unchanged_page_keeps_its_file_and_gets_the_new_headers() -> None:
    """Those of the message itself stay the page's, and a condition can be made of the record again."""
    earlier = Record(headers=(("ETag", '"abc"'), ("Content-Length", "5"), ("Date", "old"), ("X", "1"), ("X", "2")))
    answer = Record(status=304, headers=(("date", "new"), ("content-length", "0"), ("x", "3")), bytes=0, path=None)
    record = take_over(earlier, answer)
    assert record == Record(
        status=304, headers=(("ETag", '"abc"'), ("Content-Length", "5"), ("date", "new"), ("x", "3"))
    )
    assert conditions(record, lambda *_: True) == {"If-None-Match": '"abc"'}


@pytest.mark.parametrize("changes", [{"status": 200}, {"final_url": "https://example.org/elsewhere"}], ids=str)
def test_an_answer_for_another_page_says_nothing_of_this_one(changes: dict[str, object]) -> None:
    """Where a redirect leads elsewhere now, the page is asked for again."""
    answer = replace(Record(status=304, bytes=0, path=None), **changes)
    assert take_over(Record(), answer) is None
