/**
 * The report on a run: `writeGanReport(runDir)` writes `report.html`, one page that needs nothing else, and `report.md`
 * with `figures/`. Composing takes plain data, so that a page can be made of anyone's events.
 */
export { composeGanReport } from './content.js';
export { lossFigure } from './figures.js';
export { type GatherOptions, gatherGanReport } from './gather.js';
export type { GanReportInput } from './input.js';
export { type GanReportOptions, writeGanReport } from './write.js';
