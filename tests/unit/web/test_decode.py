"""Decoding gives what was encoded, however it is cut, and never more than a piece at a time."""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.web.decode import decoders, makers, offered
from poolwise.web.pieces import PIECE
from poolwise.web.trouble import TroubleError


def bare_deflate(data):
    """Encode as RFC 1951 has it, without zlib's frame."""
    return zlib.compress(data, wbits=-15)


def two_members(data):
    """Encode in two parts, as parallel gzips do."""
    return gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :])


FORMS = {
    "gzip": ("gzip", gzip.compress),
    "members": ("x-gzip", two_members),
    "zlib": ("deflate", zlib.compress),
    "bare": ("Deflate", bare_deflate),
}

# Those that need a library are tried where it is there.
if "zstd" in makers():
    found = importlib.util.find_spec("compression")
    FORMS["zstd"] = ("zstd", importlib.import_module("compression.zstd" if found else "backports.zstd").compress)
if "br" in makers():
    FORMS["br"] = ("br", importlib.import_module("brotli").compress)


def decode(name, packed, cuts=()):
    """Decode what comes in parts that end at ``cuts``."""
    (layer,) = decoders(name)
    pieces = []
    for begin, end in itertools.pairwise([0, *sorted(cuts), len(packed)]):
        pieces += layer.feed(packed[begin:end])
    layer.finish()
    return pieces


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=300), times=st.integers(1, 2000), cuts=st.lists(st.integers(0, 400), max_size=9))
def test_it_gives_what_was_encoded(form, data, times, cuts):
    """Any data in any form, cut anywhere, come out as they went in, in pieces that are not too large."""
    name, encode = FORMS[form]
    packed = encode(data * times)
    pieces = decode(name, packed, [min(cut, len(packed)) for cut in cuts])
    assert b"".join(pieces) == data * times
    assert max(map(len, pieces), default=0) <= PIECE


@pytest.mark.parametrize("form", FORMS)
def test_it_tells_what_is_cut_off(form):
    """Wherever an encoded body is cut off, that is told; but for the end of a gzip member, where a body may end."""
    name, encode = FORMS[form]
    packed = encode(b"hello, world" * 9)
    whole = []
    for end in range(1, len(packed)):
        try:
            decode(name, packed[:end])
        except TroubleError as trouble:
            assert trouble.kind == "incomplete"  # noqa: PT017 - or nothing is raised
        else:
            whole.append(end)
    assert whole == ([len(gzip.compress(b"hello, world" * 4 + b"hello,"))] if form == "members" else [])


@pytest.mark.parametrize("form", FORMS)
@given(tail=st.binary(min_size=1, max_size=9).filter(lambda tail: tail.strip(b"\0")), cut=st.booleans())
def test_it_tells_what_follows(form, tail, cut):
    """Something after the end of an encoded body is told, whether it comes with the end or later."""
    name, encode = FORMS[form]
    packed = encode(b"hello")
    with pytest.raises(TroubleError) as caught:
        decode(name, packed + tail, [len(packed)] if cut else [])
    assert caught.value.kind in {"encoding", "incomplete"}


def test_an_empty_body_is_empty():
    """No byte at all is an empty body in every encoding: many servers label what is not there."""
    assert [decode(name, b"") for name in ("gzip", "deflate")] == [[], []]


def test_what_is_offered_can_be_decoded():
    """Servers are told of what can be decoded here, and of nothing else."""
    assert offered().split(", ")[:2] == ["gzip", "deflate"]
    assert all(decoders(name) for name in offered().split(", "))
