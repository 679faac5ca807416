"""How a report looks: its style sheet, and the script that draws its pictures in the reader's light or dark.

The colours of lines are those of Okabe and Ito (2008), which people who see few colours tell apart too; lines differ
in their dashes as well.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfbfa; --card: #ffffff; --ink: #1c1d21; --soft: #5c6068; --rule: #dfe1e6; --grid: #e8e9ed;
  --loud: #fff5dc; --loudrule: #c98500;
  --ours: #0072b2; --hold: #4d4d4d; --dca: #d55e00; --calendar: #008a63; --band: #cfe3f1; --trade: #b0307a;
  --fee: #0072b2; --impact: #56b4e9; --gas: #d55e00; --tax: #737373;
  --clear: rgba(0,0,0,0); --shade: rgba(0,114,178,.18);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15161a; --card: #1d1f24; --ink: #e9eaee; --soft: #a3a8b3; --rule: #34373f; --grid: #2c2f36;
    --loud: #33290f; --loudrule: #e69f00;
    --ours: #56b4e9; --hold: #c4c7ce; --dca: #f08a3c; --calendar: #2fc498; --band: #24435a; --trade: #e58abf;
    --fee: #56b4e9; --impact: #2b7fb8; --gas: #f08a3c; --tax: #8f949e; --shade: rgba(86,180,233,.20);
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.12rem; margin: 0 0 4px; }
p { margin: 0 0 10px; overflow-wrap: anywhere; }
.lead { font-size: 1.06rem; max-width: 68ch; }
.soft, figcaption, .note { color: var(--soft); font-size: .9rem; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 18px 18px 12px;
  margin: 18px 0 0; min-width: 0; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 18px; margin-top: 18px; }
.pair section { margin: 0; }
figure { margin: 0; }
.plot { width: 100%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: 5px 10px 5px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9em; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 400; }
tr:last-child > * { border-bottom: 0; }
td.best { font-weight: 600; }
.how { display: block; color: var(--soft); font-size: .8rem; line-height: 1.35; }
.loud { background: var(--loud); border-color: var(--loudrule); border-left-width: 5px; }
ul { margin: 6px 0 8px; padding-left: 1.15em; }
li { margin: 0 0 6px; overflow-wrap: anywhere; }
details > summary { cursor: pointer; font-weight: 600; }
details[open] > summary { margin-bottom: 8px; }
@media (max-width: 720px) {
  main { padding: 18px 12px 40px; }
  section { padding: 14px 12px 8px; border-radius: 8px; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  h1 { font-size: 1.4rem; }
  .how { display: none; }
  th:first-child, td:first-child { min-width: 7em; }
}
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""

SCRIPT = """
"use strict";
(function () {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)");
  function painted(value, key, colours) {
    if (Array.isArray(value)) return value.map(function (one) { return painted(one, key, colours); });
    if (value !== null && typeof value === "object") {
      const found = {};
      for (const name of Object.keys(value)) found[name] = painted(value[name], name, colours);
      return found;
    }
    if (typeof value === "string" && /color$/.test(key)) {
      return colours.getPropertyValue("--" + value).trim() || value;
    }
    return value;
  }
  function drawn() {
    const colours = getComputedStyle(document.documentElement);
    return Promise.all(pictures.map(function (picture) {
      const narrow = document.getElementById(picture.name).clientWidth < 520;
      const layout = painted(picture.layout, "", colours);
      layout.dragmode = touch.matches ? false : "zoom";
      if (narrow) { layout.margin.l = Math.min(layout.margin.l, 54); layout.font.size = 11; }
      return Plotly.react(picture.name, painted(picture.traces, "", colours), layout,
        { displayModeBar: false, responsive: true });
    }));
  }
  drawn().then(function () { console.info("report ready"); });
  dark.addEventListener("change", drawn);
})();
"""
