/**
 * Reports: a document of sections and blocks in plain data, printed as one self-contained page, as Markdown, and its
 * figures as SVG and PNG. No room draws or prints by itself: it composes a `ReportDocument`, makes its figures with the
 * charts here, and hands it to a writer.
 *
 *   const panel = curvesPanel([{ label: 'loss', color: BLUE, points }], { title: 'Loss', y: { label: 'loss' } });
 *   writeReportFiles({ eyebrow, title, subtitle, sections: [{ id, title, blocks: [figure] }], footer }, 'report/');
 */

// Charts: a panel from plain data, one file a kind.
export { type BarRow, barsPanel, type Share } from './charts/bars.js';
export {
  type Curve,
  type CurvePoint,
  curvesPanel,
  MOST_BANDS,
  pointsOf,
  STEPS,
  thin,
} from './charts/curves.js';
export { densityPanel, type Hill, ridgePanel } from './charts/density.js';
export { type FlowCard, type FlowCards, flowPanel } from './charts/flow.js';
export { type ForestPoint, type ForestRow, forestFigure, forestPanel, signedTick } from './charts/forest.js';
export { gridPanel } from './charts/grid.js';
export { histogramPanel, polygonPanel, type Sample } from './charts/histogram.js';
export { type Axis, around } from './charts/plot.js';
export {
  PRECISION_RECALL,
  type RatePlane,
  type RatesOptions,
  ROC,
  ratePlanes,
  ratesPanel,
} from './charts/rates.js';
export { type ReliabilitySeries, reliabilityPanel } from './charts/reliability.js';
export { countsPanel, MOST_DOTS, scatterPanel } from './charts/scatter.js';
// The document.
export { left, right } from './columns.js';
export type {
  Block,
  Captioned,
  EncodedPicture,
  FigureBlock,
  GalleryBlock,
  Hover,
  LegendItem,
  Panel,
  Picture,
  PicturesBlock,
  ReportDocument,
  Section,
  Summary,
  TableBlock,
  Tile,
} from './document.js';
// Numbers and words as reports print them.
export { escapeHtml } from './escape.js';
// Writers.
export {
  capital,
  day,
  duration,
  fixed,
  levelText,
  list,
  percent,
  plural,
  pValue,
  range,
  shortened,
  signed,
  signedRange,
  whole,
} from './format.js';
export { toHtml } from './html.js';
export { toMarkdown } from './markdown.js';
export { codeSpan, type Markdown, markdownTable, md } from './markdown-text.js';
// Colours and legends.
export {
  BLUE,
  GREEN,
  GREY,
  INK,
  legendOf,
  MUTED,
  OCHRE,
  ORANGE,
  PAPER,
  PURPLE,
  RULE,
  SERIES,
  type SeriesStyle,
} from './palette.js';
export { writePdf } from './pdf.js';
export { pngPicture, readPngFile } from './picture.js';
export { writeFigureFiles, writePage, writeReportFiles } from './write.js';
