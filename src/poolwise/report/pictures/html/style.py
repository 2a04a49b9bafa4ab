"""The style sheet: every rule holds inside of ``.poolwise`` only, for the page may be a cell of somebody's notebook."""

from __future__ import annotations

from collections.abc import Mapping

from poolwise.report.pictures.colours import DARK, LIGHT
from poolwise.report.pictures.svg.marks import FONT

# From this width of the page on, the wide form of each picture is shown.
WIDE_FROM = 700

_RULES = """
.poolwise{background:var(--pw-ground);color:var(--pw-ink);font:15px/1.5 %(font)s;padding:1px 16px 16px;
overflow-wrap:anywhere;text-align:left;container-type:inline-size}
.poolwise *{box-sizing:border-box}
.poolwise .pw-page{max-width:1040px;margin:0 auto}
.poolwise h1{font-size:1.6em;line-height:1.25;margin:24px 0 8px;color:inherit;font-weight:600}
.poolwise h2{font-size:1.25em;line-height:1.3;margin:32px 0 8px;color:inherit;font-weight:600;
border-bottom:1px solid var(--pw-rule);padding-bottom:4px}
.poolwise h3{font-size:1.05em;line-height:1.3;margin:24px 0 4px;color:inherit;font-weight:600}
.poolwise p{margin:8px 0;max-width:75ch}
.poolwise .pw-strong{font-weight:600}
.poolwise figure{margin:12px 0}
.poolwise figcaption{color:var(--pw-muted);font-size:13px;text-align:left;padding:0 0 6px}
.poolwise svg text{paint-order:stroke;stroke:var(--pw-ground);stroke-width:4px;stroke-linejoin:round}
.poolwise svg{display:block;width:100%%;max-width:100%%;height:auto}
.poolwise .pw-rim{stroke:var(--pw-ground)}
.poolwise .pw-scroll{overflow-x:auto}
.poolwise .pw-scroll:focus-visible{outline:2px solid var(--pw-choice);outline-offset:2px}
.poolwise table{border-collapse:collapse;table-layout:auto;
font-size:14px;font-variant-numeric:tabular-nums;margin:0;border:0;
color:inherit;background:none}
.poolwise table :is(tr,tr:nth-child(even),tr:nth-child(odd),tr:hover){background:none}
.poolwise tr{border:0;text-align:left}
.poolwise th,.poolwise td{line-height:1.5;
padding:5px 12px 5px 0;text-align:left;border:0;border-bottom:1px solid var(--pw-rule);
vertical-align:top;white-space:nowrap;max-width:none;color:inherit}
.poolwise thead th{color:var(--pw-muted);font-weight:600}
.poolwise tbody th,.poolwise td{font-weight:400}
.poolwise .pw-figure{text-align:right}
.poolwise .pw-long{white-space:normal;min-width:14ch;max-width:48ch}
.poolwise table tr.pw-best :is(th,td){font-weight:600;background:var(--pw-raised)}
.poolwise dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:8px 0}
.poolwise dt,.poolwise dd{float:none;width:auto;font-style:normal}
.poolwise dt{color:var(--pw-muted);font-weight:400;margin:0;padding:0}
.poolwise dd{margin:0;grid-column:2;padding-left:1em;text-indent:-1em}
.poolwise footer{color:var(--pw-muted);font-size:13px;margin-top:32px}
.poolwise .pw-narrow{max-width:480px}
@container (max-width:480px){.poolwise dl.pw-told{display:block}
.poolwise .pw-told dt{margin-top:6px}}
@container (min-width:%(wide)dpx){.poolwise .pw-wide{display:block!important}.poolwise .pw-narrow{display:none}}
@media print{.poolwise .pw-scroll{overflow:visible}}
"""


def style_sheet(*, notebook: bool = False) -> str:
    """Write the style sheet. In a notebook, the notebook's own theme decides between light and dark where it says."""
    dark = f"@media (prefers-color-scheme:dark){{.poolwise{{{_variables(DARK)}}}}}"
    themes = [f".poolwise{{color-scheme:light dark;{_variables(LIGHT)}}}", dark]
    if notebook:
        # JupyterLab and VS Code tell their theme on the body; the system's may be another.
        for light, colours in ((True, LIGHT), (False, DARK)):
            told = (
                f'body[data-jp-theme-light="{str(light).lower()}"] .poolwise',
                f"body.vscode-{_name(light)} .poolwise",
            )
            themes.append(f"{','.join(told)}{{color-scheme:{_name(light)};{_variables(colours)}}}")
    rules = _RULES % {"font": FONT, "wide": WIDE_FROM}
    # Three times the class: heavier than what a notebook says of all tables, lists and headings of its outputs.
    return "\n".join((*themes, *_colour_rules(), rules.strip())).replace(".poolwise", ".poolwise" * 3)


def _name(light: bool) -> str:  # noqa: FBT001 - one of two words
    return "light" if light else "dark"


def _variables(colours: Mapping[str, str]) -> str:
    return ";".join(f"--pw-{name}:{value}" for name, value in colours.items())


def _colour_rules() -> list[str]:
    """Colour what pictures are made of: words (t), filled shapes (f) and lines (s)."""
    return [
        f".poolwise .pw-t-{name},.poolwise .pw-f-{name}{{fill:var(--pw-{name})}}"
        f".poolwise .pw-s-{name}{{stroke:var(--pw-{name})}}"
        for name in LIGHT
    ]
