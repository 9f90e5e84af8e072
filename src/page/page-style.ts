/** Also those of paper, whatever the screen shows. */
const LIGHT_COLOURS = `--ground: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --accent: #0b62c4;
  --warning-ground: #fff4d6; --warning-ink: #6a4700; --picture: #e9ebee;
  --band-0: #b7d3f5; --band-1: #d9e6f7; --band-ink: #10335e;
  --image: #1f6feb; --diffraction: #9a3fc4; --spectrum: #1a7f37; --misc: #57606a; --out: #c2410c;`;

/** The style sheet of the page: light and dark, narrow windows, paper. No font, picture or sheet from elsewhere. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  ${LIGHT_COLOURS}
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1317; --card: #181d23; --ink: #e6eaee; --quiet: #9aa5b1; --line: #323a43; --accent: #79b8ff;
    --warning-ground: #3a2d0c; --warning-ink: #f5d68a; --picture: #0a0d10;
    --band-0: #24466e; --band-1: #1b2f48; --band-ink: #dcebff;
    --image: #58a6ff; --diffraction: #d2a8ff; --spectrum: #56d364; --misc: #9aa5b1; --out: #ffa657;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif;
}
header, main, footer { max-width: 1280px; margin: 0 auto; padding: 0 20px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 28px 0 14px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 34px 0 10px; }
h3 { font-size: 1.05rem; margin: 26px 0 8px; scroll-margin-top: 70px; }
h3 small { font-weight: normal; color: var(--quiet); font-size: 0.85rem; margin-left: 6px; }
h4 { font-size: 0.92rem; margin: 0 0 3px; overflow-wrap: anywhere; }
a { color: var(--accent); }
p { margin: 4px 0; }
.quiet, .left-out, footer { color: var(--quiet); font-size: 0.85rem; overflow-wrap: anywhere; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--ground); padding: 6px 10px; z-index: 3; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 10px 24px; margin: 0; }
.facts dt { color: var(--quiet); font-size: 0.8rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.notes { margin: 6px 0; padding: 10px 14px 10px 32px; background: var(--warning-ground); color: var(--warning-ink); border-radius: 6px; overflow-wrap: anywhere; }
.warning { background: var(--warning-ground); color: var(--warning-ink); border-radius: 4px; padding: 1px 6px; font-size: 0.82rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.timeline { display: block; width: 100%; min-width: 620px; height: auto; }
.timeline text { fill: var(--ink); font-size: 12px; dominant-baseline: central; }
.timeline .tick { fill: var(--quiet); dominant-baseline: auto; }
.timeline .lane { font-size: 11px; }
.timeline .axis { stroke: var(--quiet); }
.timeline .grid { stroke: var(--line); }
.timeline .band-0 { fill: var(--band-0); }
.timeline .band-1 { fill: var(--band-1); }
.timeline .band { stroke: var(--accent); stroke-width: 0.6; }
.timeline .band-number { fill: var(--band-ink); font-weight: 600; }
.mark-image, .kind-image { fill: var(--image); --kind: var(--image); }
.mark-diffraction, .kind-diffraction { fill: var(--diffraction); --kind: var(--diffraction); }
.mark-spectrum, .kind-spectrum, .kind-spectrumimage { fill: var(--spectrum); --kind: var(--spectrum); }
.mark-misc, .kind-misc, .kind-notes, .kind-unknown { fill: var(--misc); --kind: var(--misc); }
.mark-out { fill: var(--out); }
.kind { display: inline-block; border: 1px solid var(--kind); color: var(--kind); border-radius: 4px; padding: 0 6px; font-size: 0.78rem; }
time { color: var(--quiet); font-size: 0.82rem; }
.filter { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; padding: 8px 0; margin: 0; background: var(--ground); }
.filter[hidden] { display: none; }
#datasets > .filter { position: sticky; top: 0; z-index: 2; border-bottom: 1px solid var(--line); }
.filter input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 5px 10px; flex: 0 1 300px; min-width: 140px; }
.filter output { color: var(--quiet); font-size: 0.85rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 14px; list-style: none; margin: 10px 0; padding: 0; align-items: start; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; content-visibility: auto; contain-intrinsic-size: auto 330px; }
@media (min-width: 561px) { .card:has(details[open]) { grid-column: span 2; } }
.card[hidden], .activity[hidden], tr[hidden] { display: none; }
.card-text { padding: 8px 10px 10px; }
.picture { display: block; width: 100%; padding: 0; border: 0; background: var(--picture); cursor: zoom-in; }
.picture:focus-visible { outline-offset: -3px; }
.picture img { display: block; width: 100%; height: 200px; object-fit: contain; }
.no-picture { height: 64px; display: grid; place-items: center; color: var(--quiet); background: var(--picture); font-size: 0.85rem; }
summary { cursor: pointer; color: var(--accent); font-size: 0.88rem; padding: 3px 0; }
table { border-collapse: collapse; font-size: 0.85rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 3px 8px 3px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.metadata { max-width: 720px; }
.metadata th { font-weight: normal; color: var(--quiet); width: 45%; }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; padding-right: 16px; }
#verdicts { min-width: 720px; }
#verdicts td:last-child, #verdicts td:nth-child(2) { white-space: nowrap; }
#verdicts .out td:nth-child(2) { color: var(--out); font-weight: 600; }
footer { border-top: 1px solid var(--line); margin-top: 36px; padding-top: 12px; padding-bottom: 28px; }
#viewer { border: 1px solid var(--line); border-radius: 8px; background: var(--ground); color: var(--ink); padding: 14px; max-width: 96vw; max-height: 96vh; }
#viewer::backdrop { background: rgb(0 0 0 / 0.7); }
#viewer figure { margin: 0; }
#viewer img { display: block; width: min(84vw, 76vh, 1024px); height: min(84vw, 76vh, 1024px); object-fit: contain; background: var(--picture); image-rendering: auto; }
#viewer figcaption { margin: 8px 0; overflow-wrap: anywhere; max-width: min(84vw, 76vh, 1024px); }
.viewer-buttons { display: flex; gap: 10px; margin: 0; }
.viewer-buttons button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 4px 14px; cursor: pointer; }
.viewer-buttons button:disabled { color: var(--quiet); cursor: default; }
#viewer-close { margin-left: auto; }
@media (max-width: 560px) {
  header, main, footer { padding: 0 12px; }
  h1 { font-size: 1.3rem; }
  .cards { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 10px; }
  .picture img { height: 150px; }
  h3 small { display: block; margin-left: 0; }
}
@media print {
  :root {
    color-scheme: light;
    ${LIGHT_COLOURS}
  }
  .filter, .skip, #viewer { display: none; }
  .card, table, svg { break-inside: avoid; }
  .card { content-visibility: visible; }
  .cards { grid-template-columns: repeat(3, 1fr); }
}
`;
