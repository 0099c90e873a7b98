"""The style sheet of a report page: light, dark and paper."""

STYLE = """
:root{color-scheme:light dark;--page:#fcfcfb;--ink:#1c1c1a;--soft:#5c5b56;--rule:#e2e1dc;--axis:#b5b3ac;--tile:#f4f3ef;
--series-1:#2a78d6;--series-2:#eb6834;--series-3:#1baf7a;--series-4:#eda100;--series-5:#e87ba4;--series-6:#008300;
--series-7:#4a3aa7;--series-8:#e34948}
@media(prefers-color-scheme:dark){:root{--page:#1a1a19;--ink:#f0efec;--soft:#b3b1aa;--rule:#353431;--axis:#6a6862;
--tile:#242422;--series-1:#3987e5;--series-2:#d95926;--series-3:#199e70;--series-4:#c98500;--series-5:#d55181;
--series-6:#008300;--series-7:#9085e9;--series-8:#e66767}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:860px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:40px 0 8px}h3{font-size:15px;margin:0 0 6px}
.lead,figcaption,small,caption{color:var(--soft)}
figure{margin:20px 0}svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .value{fill:var(--ink)}
.grid{stroke:var(--rule)}.axis{stroke:var(--axis)}.reference{stroke:var(--soft);stroke-dasharray:4 4}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:20px 0}
.tiles div{background:var(--tile);border-radius:8px;padding:12px 14px}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:24px;font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:12px 0;font-size:14px;min-width:50%}
caption{text-align:left;padding-bottom:4px}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
td small{display:block;white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums}
summary{cursor:pointer;color:var(--soft)}
@media print{details>*{display:block}}
"""
