"""How the page looks: light and dark, wide and narrow, on a screen and on paper. No remote resource."""

STYLE = """
:root{color-scheme:light dark;--bg:#f3f5f8;--card:#fff;--text:#17202b;--dim:#525f70;--line:#d5dce4;
--soft:#eef1f5;
--critical:#a8170f;--high:#9c3d00;--medium:#6f5300;--low:#2d5480;--good:#12693c;--silent:#5b4a8a;
--split:#a8170f;
--tampered:#9c3d00;--orphan:#2d5480;--plus:#12693c;--minus:#a8170f;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--bg:#0d1218;--card:#161e27;--text:#e8edf3;--dim:#a4b1c0;
--line:#2e3946;--soft:#1f2934;
--critical:#ff9188;--high:#ffb37c;--medium:#f0cd62;--low:#9cc4f0;--good:#71d8a3;--silent:#c3b1f5;
--split:#ff9188;
--tampered:#ffb37c;--orphan:#9cc4f0;--plus:#71d8a3;--minus:#ff9188}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main,header,footer{max-width:72rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.75rem}
h1{font-size:1.15rem;font-weight:600;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .75rem}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
p{margin:.25rem 0}
.dim{color:var(--dim)}
.verdict{display:flex;align-items:center;gap:.75rem;font-size:1.9rem;line-height:1.2;font-weight:700;
margin:.5rem 0;text-wrap:balance}
.verdict svg{width:2.1rem;height:2.1rem;flex:none}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.1rem 1.25rem;
margin:1rem 0}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.75rem;margin:1.25rem 0 0;padding:0;
list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:.7rem 1rem}
.tiles b{display:block;font-size:1.7rem;line-height:1.15;font-variant-numeric:tabular-nums}
.tiles .zero b{color:var(--dim);font-weight:500}
.mark{display:inline-flex;align-items:center;gap:.35rem;font-weight:600;white-space:nowrap}
.mark svg{width:1em;height:1em;flex:none}
.critical{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}.low{color:var(--low)}
.good{color:var(--good)}.silent{color:var(--silent)}
.entry{border-left:4px solid var(--line);padding:.1rem 0 .1rem 1rem;margin:1.4rem 0 0}
.entry:first-of-type{margin-top:0}h3 .where{font-weight:400}
.e-critical{border-color:var(--critical)}.e-high{border-color:var(--high)}.e-medium{
border-color:var(--medium)}.e-low{border-color:var(--low)}
.e-silent{border-color:var(--silent);border-left-style:dashed}
.entry>header{display:flex;flex-wrap:wrap;gap:.15rem .9rem;align-items:baseline;padding:0;max-width:none}
.tag{font-size:.85rem;color:var(--dim);border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;
white-space:nowrap}
ul.facts{margin:.4rem 0;padding-left:1.15rem}
ul.facts li{overflow-wrap:anywhere}
code,pre{font-family:var(--mono);font-size:.86rem}
pre{background:var(--soft);border-radius:.5rem;padding:.6rem .8rem;margin:.5rem 0;overflow:auto;
max-height:24rem;tab-size:4}
pre.say{white-space:pre-wrap;overflow-wrap:anywhere;max-height:none}
.plus{color:var(--plus)}.minus{color:var(--minus)}.hunk{color:var(--dim)}
details{margin:.4rem 0}summary{cursor:pointer;color:var(--dim)}
details p{overflow-wrap:anywhere}
.scroll{overflow-x:auto}
.scroll:focus-visible,pre:focus-visible,summary:focus-visible{outline:2px solid var(--low);
outline-offset:2px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--dim);font-weight:500;font-size:.9rem}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:8rem}
.sub{font-weight:400;display:block;color:var(--dim);font-family:var(--mono);font-size:.8rem}
.bar{display:inline-block;vertical-align:middle;width:6rem;height:.55rem;border-radius:.3rem;
background:var(--soft);border:1px solid var(--line);margin-right:.5rem;overflow:hidden}
.bar i{display:block;height:100%;background:currentColor}
svg text{font:14px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--text)}
svg .b{font-weight:700}svg .s{font-size:12.5px;fill:var(--dim)}
svg.picture,svg.chart{display:block;width:100%;height:auto}
svg.narrow{display:none;max-width:26rem}
.box{fill:var(--soft);stroke:var(--line);stroke-width:1.5}
.box.bad{stroke:var(--high);stroke-width:2.5}.box.off{fill:none;stroke:var(--silent);stroke-dasharray:6 5;
stroke-width:2}
.box.has{stroke:var(--good);stroke-width:2.5}.box.ip{fill:var(--card);stroke:var(--text);stroke-width:2}
.wire{stroke:var(--line);stroke-width:2;fill:none}.wire.has{stroke:var(--good);stroke-width:3.5}.wire.split{
stroke:var(--split);stroke-width:3;stroke-dasharray:7 5}
.t-good{fill:var(--good)!important;font-weight:600}.t-bad{fill:var(--high)!important;font-weight:600}
.t-silent{fill:var(--silent)!important;font-weight:600}
.c-split{fill:var(--split)}.c-tampered{fill:var(--tampered)}.c-orphan{fill:var(--orphan)}
.c-silent{fill:none;stroke:var(--silent);stroke-width:1.5;stroke-dasharray:3 2}.c-well{fill:var(--good)}
.axis{stroke:var(--line);stroke-width:1}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:.5rem 0 0;padding:0;list-style:none;
font-size:.9rem}
.legend svg{width:.9rem;height:.9rem;vertical-align:-.1rem;margin-right:.35rem}
footer{color:var(--dim);font-size:.9rem;padding-bottom:2.5rem}
@media (max-width:40rem){main,header,footer{padding-left:.8rem;padding-right:.8rem}section{padding:.9rem}
.tiles{grid-template-columns:1fr 1fr}.verdict{font-size:1.45rem}.verdict svg{width:1.6rem;height:1.6rem}
svg.wide{display:none}svg.narrow{display:block}}
@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--text:#000;--dim:#444;--line:#bbb;
--soft:#f4f4f4;--critical:#a8170f;--high:#9c3d00;
--medium:#6f5300;--low:#2d5480;--good:#12693c;--silent:#5b4a8a;--split:#a8170f;--tampered:#9c3d00;
--orphan:#2d5480;--plus:#12693c;--minus:#a8170f}
body{font-size:11pt}main,header,footer{max-width:none;padding:0}section{border-radius:0;
border-width:1px 0 0;padding:.6rem 0;margin:.4rem 0}
.entry,tr,svg{break-inside:avoid}h2{break-after:avoid}pre{max-height:none;white-space:pre-wrap;
overflow-wrap:anywhere}
.scroll{overflow:visible}summary{display:none}details::details-content{content-visibility:visible;
display:block;block-size:auto}
svg.wide{display:block}svg.narrow{display:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
