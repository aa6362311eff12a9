/** What the commands of `graft metrics` share at their end: the page they write. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ReportDocument } from '../report/document.js';
import { notice } from './common.js';
import type { LoadedSets } from './metrics-sets.js';

/** Title, subtitle and footer of a page. */
export interface PageWords {
  title: string;
  subtitle: string;
  footer: string;
}

/** The same for every page: which folders, how many images, who made it. */
function wordsOf(sets: LoadedSets, graft: string, sentence: string): PageWords {
  const { real, synthetic, folders, label } = sets;
  const name = (dir: string): string => basename(resolve(dir));
  return {
    title: `${name(folders.synthetic)} against ${name(folders.real)}`,
    subtitle: [
      ...(label ? [label] : []),
      `${real.n.toLocaleString('en-GB')} real, ${synthetic.n.toLocaleString('en-GB')} synthetic images`,
      `${real.width} × ${real.height} px`,
      sentence,
    ].join(' · '),
    footer: `Made by Graft ${graft}. This page may hold real images: pass it on as you would pass on the images. Not a medical device.`,
  };
}

/** Writes the page, whole or not at all. */
export async function writeMetricReport(
  command: Command,
  path: string,
  compose: (words: (sets: LoadedSets) => PageWords) => ReportDocument | Promise<ReportDocument>,
): Promise<void> {
  const { writeFileAtomic } = await import('../files.js');
  const { graftVersion } = await import('../run/package.js');
  const { toHtml } = await import('../report/html.js');
  const { framingSentence } = await import('../metrics/framing.js');
  const words = (sets: LoadedSets): PageWords =>
    wordsOf(sets, graftVersion(), framingSentence(sets.framing).replace(/\.$/, ''));
  writeFileAtomic(path, toHtml(await compose(words)));
  notice(command, `report: ${path}`);
}
