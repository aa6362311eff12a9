/** TODO door */
export { type Curve, type CurveOptions, curveLegend, curvePlot, type Point, thin } from './curves.js';
export type {
  Block,
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
export { around, FONT, fullPanel, halfPanel, plainAxis, unitSquare, WIDTHS } from './draw.js';
export { escapeHtml } from './escape.js';
export { writeFigureFiles } from './figure-files.js';
export { type ForestPoint, forestFigure } from './forest.js';
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
export { INK, MUTED, PAPER, RULE, SERIES, SOFT } from './palette.js';
export { writePdf } from './pdf.js';
export { pngPicture, readPngFile } from './picture.js';
export { writeReportFiles } from './write.js';
