/** `graft trial checklist`: reporting guidelines with every answer that a finished trial, or a verdict on a table, knows. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { factsOfFolder } from '../trial/index.js';
import { countText, type GuidelineId, guidelineIds, writeChecklists } from '../verdict/checklist/index.js';
import { examples, output } from './common.js';

interface ChecklistFlags {
  guideline?: GuidelineId;
  out?: string;
}

export function registerChecklist(trial: Command): void {
  const command = trial
    .command('checklist')
    .description(
      'fill CLAIM 2024, TRIPOD+AI, STARD-AI and METRICS with what a finished trial knows of itself;\n' +
        'the rest is marked for the author',
    )
    .argument('<dir>', 'trial folder, or a folder written by graft verdict --out')
    .addOption(new Option('--guideline <name>', 'one of them alone').choices(guidelineIds))
    .option('--out <dir>', 'folder for the lists (default: <dir>/checklists)')
    .action(async (dir: string, flags: ChecklistFlags, self: Command) => checklistCommand(dir, flags, self));
  examples(command, [
    ['all four, as pages, Markdown and CSV', 'graft trial checklist runs/trial-melanoma'],
    ['one, beside the manuscript', 'graft trial checklist runs/trial-melanoma --guideline claim --out paper'],
    ['of a table of scores', 'graft verdict scores.csv --out report && graft trial checklist report'],
  ]);
}

function checklistCommand(dir: string, flags: ChecklistFlags, command: Command): void {
  const wanted = flags.guideline === undefined ? guidelineIds : [flags.guideline];
  const { name, facts } = factsOfFolder(dir);
  const lists = writeChecklists(facts, wanted, { dir: flags.out ?? join(dir, 'checklists'), name });
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
