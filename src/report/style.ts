/** A page's style: a journal's supplement, in light, dark, print and on a phone. No font is loaded. */
import { DARK, DARK_TONES, LIGHT, LIGHT_TONES } from './palette.js';

const variables = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}:${value}`)
    .join(';');

export const STYLE = `
:root{color-scheme:light dark;${variables(LIGHT)};${variables(LIGHT_TONES)};
--serif:Charter,"Bitstream Charter","Sitka Text",Cambria,"Liberation Serif",Georgia,serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif}
@media (prefers-color-scheme:dark){:root{${variables(DARK)};${variables(DARK_TONES)}}img{filter:brightness(.92)}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.58 var(--serif);text-rendering:optimizeLegibility}
main{max-width:47.5rem;margin:0 auto;padding:3.2rem 1.25rem 4rem}
.eyebrow,nav,table,figcaption,.legend,.key,.note,.panel-title,footer,pre{font-family:var(--sans)}
.eyebrow{font-size:.72rem;letter-spacing:.09em;text-transform:uppercase;color:var(--muted);margin:0}
h1{font-size:2.15rem;line-height:1.16;font-weight:600;letter-spacing:-.012em;margin:.35rem 0 .45rem;overflow-wrap:anywhere}
.subtitle{color:var(--muted);margin:0 0 2rem;font:.88rem/1.5 var(--sans)}
h2{font-size:1.42rem;line-height:1.25;font-weight:600;margin:3.1rem 0 1rem;padding-top:1.1rem;border-top:1px solid var(--rule);letter-spacing:-.006em}
h3{font-size:1.06rem;font-weight:600;margin:2rem 0 .6rem}
p{margin:0 0 1rem;text-wrap:pretty}
.summary{--tone:var(--tone-open);border-top:4px solid var(--tone);background:var(--soft);padding:1.45rem 1.6rem 1.3rem;margin:0 0 1.4rem}
.summary.good{--tone:var(--tone-good)}.summary.bad{--tone:var(--tone-bad)}.summary.even{--tone:var(--tone-even)}
.summary ul.more{padding-left:1.2rem;margin:.2rem 0 .6rem}.summary ul.more li{margin:.25rem 0}
.summary .eyebrow{color:var(--tone);font-weight:650}
.summary .asked{margin:.45rem 0 0;color:var(--muted);font-size:.95rem}
.summary .sentence{font-size:1.36rem;line-height:1.38;margin:.45rem 0 .9rem;text-wrap:pretty}
.summary .more{font-size:.98rem;line-height:1.55;color:var(--muted);margin:0}
.key{display:grid;grid-template-columns:var(--columns);margin:1.35rem 0 0;padding:1rem 0 0;border-top:1px solid var(--rule)}
.key div{padding:0 .9rem;border-left:1px solid var(--rule)}.key div:first-child{padding-left:0;border-left:0}
.key dt{font-size:.72rem;color:var(--muted)}
.key dd{margin:0;font-size:1.1rem;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap;line-height:1.5}
.key small{display:block;font-size:.72rem;font-weight:400;color:var(--muted);line-height:1.35;white-space:normal}
nav{font-size:.8rem;color:var(--muted);display:flex;flex-wrap:wrap;gap:.25rem 1.15rem;margin:0}
a{color:inherit;text-decoration-color:var(--rule);text-underline-offset:.22em}a:hover{text-decoration-color:currentColor}
figure{margin:1.9rem 0 2.3rem}
figcaption,caption{font:.82rem/1.5 var(--sans);color:var(--muted);text-align:left}
figcaption{margin-top:.7rem}figcaption b,caption b{color:var(--ink);font-weight:600}
figcaption span{display:block;margin-top:.2rem}
.panels{display:flex;flex-wrap:wrap;gap:1rem 1rem;justify-content:space-between}
.panels.many{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr))}
.panels.tall{display:block}.panels.tall .panel+.panel{margin-top:1.1rem}
.panel{flex:1 1 20rem;min-width:0}.panel:only-child:not(:has(.narrow)){max-width:26rem}.panel-title{font-size:.82rem;font-weight:600;margin:0 0 .25rem}
svg.plot,.panel svg{display:block;width:100%;height:auto;overflow:visible;font-family:var(--sans)!important}
.narrow{display:none}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.2rem;font-size:.82rem;margin:0 0 .8rem;padding:0;list-style:none}
.legend svg{width:1.5rem;height:.72rem;margin-right:.4rem;vertical-align:-.02rem;overflow:visible}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1.1rem}
.pictures img{display:block;width:100%;height:auto;image-rendering:auto}
.scroll{overflow-x:auto;margin:1.7rem 0 .5rem}
table{border-collapse:collapse;width:100%;font-size:.82rem;line-height:1.42;font-variant-numeric:tabular-nums lining-nums;border-bottom:1px solid var(--ink)}
caption{padding:0 0 .5rem}
th{font-weight:600;text-align:left;vertical-align:bottom;padding:.4rem .7rem .4rem 0;border-top:1px solid var(--ink);border-bottom:1px solid var(--rule)}
td{padding:.36rem .7rem .36rem 0;vertical-align:top;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}th:last-child,td:last-child{padding-right:0}
td:first-child{min-width:8.2rem}.slim td:first-child{min-width:0}.slim td:last-child{overflow-wrap:anywhere}td:not(.right):last-child{min-width:10rem}
.right{text-align:right;white-space:nowrap}th.right{white-space:normal}
tr.strong td{font-weight:650}
.note{font-size:.76rem;line-height:1.5;color:var(--muted);margin:.45rem 0 2rem}
ul.points{list-style:none;padding:0;margin:0 0 1rem}ul.points li{margin:0 0 .75rem}
pre{font:.76rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--soft);padding:1rem 1.1rem;overflow-x:auto;margin:.4rem 0 1.5rem}
footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--rule);font-size:.76rem;color:var(--muted)}
@media (max-width:640px){
body{font-size:16px}main{padding:1.7rem 1.05rem 3rem}h1{font-size:1.66rem}
.summary{padding:1.1rem 1.05rem 1.1rem;margin-left:-1.05rem;margin-right:-1.05rem}.summary .sentence{font-size:1.16rem}
.key{grid-template-columns:1fr 1fr;row-gap:.9rem}.key div:nth-child(odd){padding-left:0;border-left:0}.key dd{font-size:.98rem;white-space:normal}
table:not(.slim){min-width:31rem}.wide{display:none}.narrow{display:block}.panel{flex-basis:100%}
}
@media print{
:root{${variables(LIGHT)};color-scheme:light}
@page{size:A4;margin:16mm 16mm}
body{font-size:10.2pt;background:#fff}main{max-width:none;padding:0}nav{display:none}
.summary,figure,tr,caption,.pictures>div{break-inside:avoid}h2,h3,caption{break-after:avoid}h2{margin-top:2rem}
figure.tall{break-inside:auto}.panel,figcaption,.legend{break-inside:avoid}.legend{break-after:avoid}figcaption,.note,tbody tr:first-child{break-before:avoid}p,li{orphans:3;widows:3}
.scroll,pre{overflow:visible}table{font-size:8pt;break-inside:auto}thead{display:table-header-group}pre{white-space:pre-wrap;overflow-wrap:anywhere}
img{filter:none}*{print-color-adjust:exact}
.summary{background:none;border:1px solid var(--rule);border-top:4px solid var(--tone)}
}
`;

/** Added where a page has a gallery. On a phone what is told of a picture takes the gallery's whole width. */
export const GALLERY_STYLE = `
.gallery{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:.5rem;position:relative;margin:0 0 1.3rem;font-family:var(--sans)}
.tile{position:relative;cursor:help}.tile.pair{grid-column:span 2}
.shots{display:flex;gap:2px}.shots img{display:block;flex:1 1 0;min-width:0;width:100%;height:auto;aspect-ratio:1;object-fit:cover;background:var(--soft);border-radius:2px}
.tile small{display:block;font-size:.68rem;line-height:1.4;color:var(--muted);margin-top:.2rem;overflow-wrap:anywhere}
.tile:focus{outline:none}.tile:hover .shots,.tile:focus .shots{outline:2px solid var(--ink);outline-offset:1px;border-radius:2px}
.tip{display:none;position:absolute;z-index:2;left:0;top:calc(100% + .3rem);width:16rem;padding:.6rem .75rem;background:var(--paper);color:var(--ink);border:1px solid var(--rule);border-radius:4px;box-shadow:0 4px 16px rgb(0 0 0/.18);font-size:.76rem;line-height:1.45}
.tip span{display:block;overflow-wrap:anywhere}.tip i{font-style:normal;color:var(--muted);margin-right:.25rem}
.tile:hover .tip,.tile:focus .tip{display:block}
.tile:nth-child(6n) .tip,.tile:nth-child(6n - 1) .tip,.tile.pair:nth-child(3n) .tip{left:auto;right:0}
@media (max-width:640px){
.gallery{grid-template-columns:repeat(4,minmax(0,1fr));gap:.35rem}
.tile{position:static}.tile .tip,.tile:nth-child(n) .tip{left:0;right:0;top:auto;width:auto;margin-top:.3rem}
}
@media print{.tip{display:none!important}.gallery{break-inside:avoid}}
`;
