/** What the commands of `graft metrics` share at their end: the page they write. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import type { SetCaution } from '../metrics/sets/index.js';
import { CAUTION_TITLES, framingSentence } from '../metrics/sets/index.js';
import type { ReportDocument } from '../report/index.js';
import { toHtml } from '../report/index.js';
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

/** A page that opens with what makes its figures mean less than they seem to; a failure stays one. */
function cautioned(
  document: ReportDocument,
  cautions: readonly SetCaution[],
  titles: Readonly<Record<SetCaution['kind'], string>>,
): ReportDocument {
  const [first] = cautions;
  const { summary } = document;
  if (!first || !summary) return document;
  const said = cautions.map(({ words }) => words).join(' ');
  return {
    ...document,
    summary: {
      ...summary,
      ...(summary.tone === 'bad'
        ? {}
        : { tone: first.kind === 'few' ? 'open' : 'bad', short: titles[first.kind] }),
      sentence: said,
      paragraph: `${summary.sentence} ${summary.paragraph}`,
    },
  };
}

/** Writes the page, whole or not at all. */
export async function writeMetricReport(
  command: Command,
  { path, cautions }: { path: string; cautions: readonly SetCaution[] },
  compose: (words: (sets: LoadedSets) => PageWords) => ReportDocument | Promise<ReportDocument>,
): Promise<void> {
  const words = (sets: LoadedSets): PageWords =>
    wordsOf(sets, graftVersion(), framingSentence(sets.framing).replace(/\.$/, ''));
  const document = await compose(words);
  writeFileAtomic(path, toHtml(cautioned(document, cautions, CAUTION_TITLES)));
  notice(command, `report: ${path}`);
}

/** What stands above a command's table: why its figures mean less than they seem to. */
export const cautionLines = ({ cautions }: Pick<LoadedSets, 'cautions'>): string[] =>
  cautions.length > 0 ? [...cautions.map(({ words }) => words), ''] : [];
