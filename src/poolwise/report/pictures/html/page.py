"""A page: one file with all that it needs in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poolwise.report.pictures.html.style import style_sheet
from poolwise.report.pictures.section import Pairs, Part, Section, Titled, Words
from poolwise.report.pictures.svg import draw
from poolwise.report.pictures.svg.marks import clean, el
from poolwise.report.table import Table

# Each chart is drawn twice, and the style sheet shows one: letters that shrink with it cannot be read on a phone.
WIDE, NARROW = 900, 360
# Where a reader of mail drops the style sheet, one of them is hidden all the same.
HIDDEN = ' style="display:none"'
# A cell with more letters than this is prose: it may break into lines.
LONG = 28
# No script, nothing from elsewhere: what a browser is told here holds even where something has been overlooked.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, sections: Iterable[Section], footer: str = "") -> str:
    """Write a whole page. All that ``sections`` contain is text and stays text: nothing of it runs."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{clean(title)}</title>",
            f"<style>html,body{{margin:0}}\n{style_sheet()}\n",
            "@media (prefers-color-scheme:dark){body{background:#0d1117}}</style></head>",
            '<body><div class="poolwise"><main class="pw-page">',
            f"<h1>{clean(title)}</h1>",
            *_body(sections),
            f"<footer>{clean(footer)}</footer>" if footer else "",
            "</main></div></body></html>\n",
        )
    )


def fragment(sections: Iterable[Section]) -> str:
    """Write the same for a notebook: no head, no body, and a style sheet that concerns nothing but this."""
    style = f"<style>{style_sheet(notebook=True)}</style>"
    return "\n".join((f'<div class="poolwise">{style}<div class="pw-page">', *_body(sections), "</div></div>"))


def _body(sections: Iterable[Section]) -> Iterator[str]:
    for section in sections:
        yield "<section>"
        if section.heading:
            yield f"<h{section.level}>{clean(section.heading)}</h{section.level}>"
        for part in section.parts:
            yield _part(part)
        yield "</section>"


def _part(part: Part) -> str:
    if isinstance(part, Words):
        return el("p", clean(part.text), **({"class_": "pw-strong"} if part.strong else {}))
    if isinstance(part, Pairs):
        return _pairs(part)
    if isinstance(part, Titled):
        return _table(part.caption, part.table)
    forms = ((name, draw(part, width)) for name, width in (("wide", WIDE), ("narrow", NARROW)))
    pictures = "".join(f'<div class="pw-{name}"{HIDDEN if name == "wide" else ""}>{svg}</div>' for name, svg in forms)
    return f"<figure><figcaption>{clean(part.title)}</figcaption>{pictures}</figure>"


def _pairs(pairs: Pairs) -> str:
    """Write names and what belongs to them; a name may have several lines."""
    lines = ((el("dt", clean(name)) if name else "") + el("dd", clean(text)) for name, text in pairs.rows)
    long = any(len(text) > LONG for _, text in pairs.rows)
    return el("dl", "".join(lines), **({"class_": "pw-told"} if long else {}))


def _table(caption: str, table: Table) -> str:
    """Write a table in a box of its own that scrolls where the page is narrow, by keys as well."""
    heads = "".join(
        f'<th scope="col"{_kind(column.figures)}>{clean(column.heading)}</th>' if column.heading else "<td></td>"
        for column in table.columns
    )
    rows = "".join(_row(table, place) for place in range(len(table.rows)))
    name = f'aria-label="{clean(caption)}"'
    whole = f"<table {name}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    box = f'<div class="pw-scroll" role="region" {name} tabindex="0">{whole}</div>'
    return f"<figure><figcaption>{clean(caption)}</figcaption>{box}</figure>"


def _row(table: Table, place: int) -> str:
    cells: list[str] = []
    for column, cell in zip(table.columns, table.rows[place], strict=True):
        kind = _kind(column.figures, len(cell))
        name, scope = ("td", "") if cells else ("th", ' scope="row"')
        cells.append(f"<{name}{scope}{kind}>{clean(cell)}</{name}>")
    strong = ' class="pw-best"' if place == table.strong else ""
    return f"<tr{strong}>{''.join(cells)}</tr>"


def _kind(figures: bool, length: int = 0) -> str:  # noqa: FBT001 - what a Column says of itself
    return ' class="pw-figure"' if figures else ' class="pw-long"' if length > LONG else ""
