/**
 * The report on one GAN run: `report.html`, one page that needs nothing else, and `report.md` with `figures/` (curves
 * as SVG and PNG, pictures as they are). Each file is whole or not there; the page comes last.
 *
 *   await writeGanReport('runs/sngan-64-melanoma', { seed: 1 });
 */

// Its steps, and the curve of losses for other reports.
export { composeGanReport } from './content.js';
export { lossFigure } from './figures.js';
export { type GatherOptions, gatherGanReport } from './gather.js';
export type { GanReportInput } from './input.js';
export { type GanReportOptions, writeGanReport } from './write.js';
