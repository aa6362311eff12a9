/**
 * The import of `bench/data.ts`, as a process of its own, so that its memory is its own: imports a folder a class as
 * `graft data import` does and prints figures as JSON.
 *
 *   node dist/bench/data-import.js DIR OUT
 */
import { rmSync } from 'node:fs';
import { importDataset } from '../src/data/import/import.js';

export interface ImportFigures {
  images: number;
  /** Of near-duplicates. */
  pairs: number;
  seconds: { read: number; compare: number; rest: number };
  peakBytes: number;
}

const [dir, out] = process.argv.slice(2) as [string, string];
rmSync(out, { recursive: true, force: true });
const start = performance.now();
// Not the system's own record of the peak: a child process begins with its parent's.
let peakBytes = 0;
const began: { [phase: string]: number } = {};
const spent = { survey: 0, read: 0, compare: 0 };
const { report } = await importDataset(dir, out, {
  positive: 'malignant',
  labelFromFolders: true,
  onProgress: (phase) => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    began[phase] ??= performance.now();
    spent[phase] = (performance.now() - began[phase]) / 1000;
  },
});
const rest = (performance.now() - start) / 1000 - spent.survey - spent.read - spent.compare;
const figures: ImportFigures = {
  images: report.images,
  pairs: report.duplicates.filter(({ kind }) => kind === 'near').length,
  seconds: { ...spent, rest },
  peakBytes,
};
rmSync(out, { recursive: true });
process.stdout.write(JSON.stringify(figures));
