/** `graft trial checklist`: reporting guidelines with every answer that a finished trial, or a verdict on a table, knows. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { DataError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { readTrialSummary, registeredSummary, summarise, trialFacts } from '../trial/index.js';
import type { Facts, GuidelineId } from '../verdict/checklist/index.js';
import {
  countText,
  fillGuideline,
  guidelines,
  verdictFacts,
  writeChecklist,
} from '../verdict/checklist/index.js';
import { analyse, decideVerdict } from '../verdict/index.js';
import { readTableSummary } from '../verdict/report/index.js';
import { examples, output } from './common.js';

interface ChecklistFlags {
  guideline?: GuidelineId;
  out?: string;
}

/** Intervals of the bootstrap stand in the report alone: no answer needs them. */
const noBootstrap = { replicates: 0 };

/** In the order in which they are told; ../verdict/checklist holds them. */
const ids = ['claim', 'tripod-ai', 'stard-ai', 'metrics'] as const;

export function registerChecklist(trial: Command): void {
  const command = trial
    .command('checklist')
    .description(
      'fill CLAIM 2024, TRIPOD+AI, STARD-AI and METRICS with what a finished trial knows of itself;\n' +
        'the rest is marked for the author',
    )
    .argument('<dir>', 'trial folder, or a folder written by graft verdict --out')
    .addOption(new Option('--guideline <name>', 'one of them alone').choices(ids))
    .option('--out <dir>', 'folder for the lists (default: <dir>/checklists)')
    .action(async (dir: string, flags: ChecklistFlags, self: Command) => checklistCommand(dir, flags, self));
  examples(command, [
    ['all four, as pages, Markdown and CSV', 'graft trial checklist runs/trial-melanoma'],
    ['one, beside the manuscript', 'graft trial checklist runs/trial-melanoma --guideline claim --out paper'],
    ['of a table of scores', 'graft verdict scores.csv --out report && graft trial checklist report'],
  ]);
}

async function checklistCommand(dir: string, flags: ChecklistFlags, command: Command): Promise<void> {
  const out = flags.out ?? join(dir, 'checklists');
  const wanted = flags.guideline === undefined ? ids : [flags.guideline];
  const { name, facts } = await factsOf(dir);
  requireOurs(out, wanted);
  const made = `Graft ${graftVersion()}`;
  const lists = wanted.map((id) => {
    const checklist = fillGuideline(guidelines[id], facts);
    return { checklist, files: writeChecklist(checklist, out, { name, made }) };
  });
  output(command, {
    json: {
      of: dir,
      checklists: lists.map(({ checklist, files }) => ({
        guideline: checklist.guideline.id,
        doi: checklist.guideline.doi,
        counts: { items: checklist.items.length, ...checklist.counts },
        files,
        items: checklist.items,
      })),
    },
    text: () =>
      lists
        .map(
          ({ checklist, files }) =>
            `${checklist.guideline.name}: ${countText(checklist)}\n  ${files.html}, ${files.markdown}, ${files.csv}`,
        )
        .join('\n'),
  });
}

/** A list is told by its table, which is written first. @throws DataError where somebody else's file has a list's name */
function requireOurs(out: string, wanted: readonly GuidelineId[]): void {
  for (const id of wanted) {
    const [table, ...others] = ['csv', 'html', 'md'].map((ending) => join(out, `${id}.${ending}`));
    const foreign = existsSync(table!) ? undefined : others.find((path) => existsSync(path));
    if (foreign !== undefined)
      throw new DataError(`${foreign} is there already, and not from here; give another folder with --out`);
  }
}

/** Of a trial, or of a verdict on a table. @throws DataError where the folder is neither */
async function factsOf(dir: string): Promise<{ name: string; facts: Facts }> {
  const saved = join(dir, 'summary.json');
  const table = existsSync(saved) && !existsSync(join(dir, 'events.jsonl')) ? readTableSummary(saved) : null;
  if (table) {
    const { scores, isProbability, subgroups } = table;
    const analysis = analyse(scores, noBootstrap);
    const verdict = decideVerdict(analysis);
    return {
      name: scores.name,
      facts: verdictFacts({ scores, analysis, verdict, registration: null, isProbability, subgroups }),
    };
  }
  const summary = registeredSummary(dir, readTrialSummary(dir));
  const analysis = summarise(summary, noBootstrap);
  return { name: summary.name, facts: trialFacts(summary, analysis, decideVerdict(analysis)) };
}
