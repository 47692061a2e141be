// The dashboard's one style sheet: light and dark, from 360 px on.

export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#c9ced6, #3c4450); --soft: light-dark(#f4f6f8, #1b2027);
  --ink: light-dark(#16191d, #e8ebef); --paper: light-dark(#fff, #12161b);
  --dim: light-dark(#4d5663, #a9b3c0);
  --completed: light-dark(#1a7f4b, #4cc38a); --retryable: light-dark(#9a5b00, #f0b455);
  --fatal: light-dark(#b3261e, #ff8a80); --link: light-dark(#0b57d0, #8ab4f8); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
h1 { font-size: 1.3rem; margin: 0; flex: 1 1 12rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
a { color: var(--link); } form { margin: 0; } code { font-size: .95em; }
button, input { font: inherit; padding: .5rem .8rem; border: 1px solid var(--dim); border-radius: .4rem;
  background: var(--soft); color: var(--ink); max-width: 100%; }
button { cursor: pointer; } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem; margin: 0; }
dl div { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--soft); }
dt { color: var(--dim); font-size: .85rem; }
dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
ol.strip { display: flex; flex-wrap: wrap; gap: 4px; list-style: none; margin: 0; padding: 0; }
ol.strip a { display: block; width: 24px; height: 28px; border-radius: 4px; text-align: center;
  color: var(--paper); text-decoration: none; font-weight: 700; }
.completed { background: var(--completed); } .retryable { background: var(--retryable); }
.fatal { background: var(--fatal); } a[aria-current] { outline: 3px solid var(--ink); outline-offset: 1px; }
.timeline p { margin: .5rem 0; } .timeline svg { display: block; width: 100%; height: 12px; }
svg .bar { fill: var(--completed); } svg .wait { fill: var(--retryable); } svg .axis { fill: var(--line); }
svg .mark { fill: var(--ink); }
dl.counts { grid-template-columns: repeat(4, 1fr); margin-top: 1rem; }
pre { white-space: pre-wrap; margin: .4rem 0; padding: .5rem .8rem; border: 1px solid var(--line);
  border-radius: .4rem; background: var(--soft); } ul { padding-left: 1.2rem; } li { margin-bottom: .4rem; }
ol.strip li { margin: 0; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--dim); font-weight: 400; }
td:last-child, th:last-child { text-align: right; padding-right: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 30rem) { h1 { flex-basis: 100%; } dl.counts { grid-template-columns: repeat(2, 1fr); }
  dl.state div:first-child { grid-column: span 2; } }
.dim { color: var(--dim); } [role=alert] { color: var(--fatal); }`;
