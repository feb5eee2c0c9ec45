"""How a class report looks, on a screen and on paper, and what a browser may do with it."""

from helpers.grading.class_report.bars import AMBER, INK, PALE, SOFT_INK

# The browser itself is told to run and to load nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_COLOURS = f":root {{ --ink: {INK}; --soft: {SOFT_INK}; --pale: {PALE}; --amber: {AMBER} }}"
_RULES = """
:root { color: var(--ink); background: #fff; font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif }
body { max-width: 56rem; margin: 2.5rem auto; padding: 0 1.5rem }
h1 { font-size: 2rem; line-height: 1.2; margin: .1rem 0 1.4rem }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .3rem; padding-top: 1rem; border-top: 1px solid var(--pale) }
p { margin: .3rem 0 .8rem }
.soft, figcaption { color: var(--soft) }
.small { font-size: .88rem }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 0 }
.cards div { display: flex; flex-direction: column-reverse; padding: .7rem .9rem }
.cards div { border: 1px solid var(--pale); border-radius: .6rem }
.cards dd { margin: 0; font-size: 1.7rem; font-weight: 650; line-height: 1.2 }
.cards small { font-size: .9rem; font-weight: 400 }
.cards dt { color: var(--soft); font-size: .88rem }
.cards .hand { border-color: var(--amber); box-shadow: inset 0 0 0 1px var(--amber) }
figure { margin: .6rem 0 1rem }
figcaption svg { margin: 0 .3rem 0 .8rem }
figcaption svg:first-child { margin-left: 0 }
svg { max-width: 100%; height: auto; vertical-align: middle }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-bottom: 1px solid var(--pale) }
body { overflow-wrap: anywhere }
th { overflow-wrap: normal }
td.what { min-width: 15rem }
td svg { max-width: none }
th { font-size: .85rem; font-weight: 600; line-height: 1.25; vertical-align: bottom }
th svg { display: block; margin-bottom: .25rem }
.number { text-align: right; font-variant-numeric: tabular-nums }
td.number, td.name { white-space: nowrap }
th.number svg { margin-left: auto }
code, pre { font: .86rem/1.45 ui-monospace, 'DejaVu Sans Mono', Consolas, monospace }
code { color: var(--soft) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; padding: .6rem .8rem }
pre { background: #f5f7f9; border-radius: .4rem }
ul { margin: .2rem 0 .6rem; padding-left: 1.2rem }
ul.narrow { columns: 17rem; column-gap: 2rem }
li { break-inside: avoid }
summary { cursor: pointer; margin: .2rem 0 }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; margin-bottom: .8rem }
@media screen { section { overflow-x: auto } }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--pale); color: var(--soft); font-size: .88rem }
@media print {
  @page { margin: 16mm }
  :root { font-size: 11pt }
  body { margin: 0; padding: 0; max-width: none }
  h2 { break-after: avoid }
  figure, tr, .cards div { break-inside: avoid }
  thead { display: table-header-group }
  svg, pre { print-color-adjust: exact }
  details::details-content { content-visibility: visible; block-size: auto }
}
"""
STYLE = _COLOURS + _RULES
