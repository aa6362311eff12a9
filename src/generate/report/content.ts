/** Composes a GAN run's report from plain data. */
import { figure } from '../../metrics/report/index.js';
import type { Block, ReportDocument, Section, Summary } from '../../report/index.js';
import { day, duration, fixed, left, list, plural, right, whole } from '../../report/index.js';
import { type Standing, standingOfRun, standingSentence } from '../standing.js';
import { bestOf, trainingFigures } from './figures.js';
import { type Finding, type History, historyOf } from './history.js';
import type { ConfigEntry, GanReportInput } from './input.js';
import { nearestBlocks, resultPictures, timelineBlocks } from './pictures.js';

export function composeGanReport(input: GanReportInput): ReportDocument {
  const { summary } = input;
  const history = historyOf(input.events);
  const sections: Section[] = [
    { id: 'images', title: 'What it draws', blocks: resultPictures(input) },
    { id: 'memory', title: 'Does it repeat what it saw?', blocks: nearestBlocks(input) },
    { id: 'findings', title: 'Findings', blocks: findingBlocks(history) },
    { id: 'training', title: 'How the training went', blocks: trainingFigures(history) },
    { id: 'timeline', title: 'How the images came about', blocks: timelineBlocks(input) },
    { id: 'configuration', title: 'Configuration', blocks: configurationBlocks(input) },
    { id: 'lineage', title: 'Lineage', blocks: lineageBlocks(input) },
  ];
  return {
    eyebrow: 'Graft GAN report',
    title: input.name,
    subtitle: [
      `${architectureNames[summary.architecture] ?? summary.architecture}, ${summary.sizePx} px`,
      ...(summary.dataset ? [summary.dataset.name] : []),
      list(summary.classes),
      plural(summary.steps, 'step'),
      day(input.madeAt),
    ].join(' · '),
    summary: summaryBox(input, history),
    sections: sections.filter(({ blocks }) => blocks.length > 0),
    footer:
      `Made by Graft ${input.graft} from the run folder.` +
      (input.pictures.real || input.pictures.nearest
        ? ' This page holds real training images: pass it on as you would pass on the images.'
        : '') +
      ' Not a medical device.',
  };
}

const isCritical = ({ severity }: Finding): boolean => severity === 'critical';

const architectureNames: Record<string, string> = {
  dcgan: 'DCGAN',
  sngan: 'SNGAN',
  acgan: 'AC-GAN',
  resnet: 'ResNet GAN',
};

function summaryBox(input: GanReportInput, history: History): Summary {
  const { summary } = input;
  const { architecture, sizePx, classes, dataset, trainingImages, trainingGroups, seconds } = summary;
  const groups =
    dataset && dataset.groupedBy !== 'image' && trainingGroups !== null && trainingGroups !== trainingImages
      ? ` (${plural(trainingGroups, dataset.groupedBy)})`
      : '';
  const images =
    trainingImages === null
      ? `images of ${list(classes)}`
      : `${plural(trainingImages, 'image')}${groups} of ${list(classes)}`;
  const from = dataset ? ` from the training split of ${dataset.name}` : '';
  const time = seconds === null ? '' : ` in ${duration(seconds)}`;
  return {
    title: 'Summary',
    ...health(input, history),
    sentence: `This ${architectureNames[architecture] ?? architecture} of ${sizePx} px learned ${images}${from} for ${plural(summary.steps, 'step')}${time}.`,
    figures: keyFigures(input, history),
  };
}

/** How a finished run's page opens; only where the doctor could look does its silence count. */
const OPENINGS: Readonly<Record<Standing, Pick<Summary, 'tone' | 'short'>>> = {
  findings: { tone: 'open', short: 'findings' },
  'too-short': { tone: 'open', short: 'too short to judge' },
  'little-measured': { tone: 'open', short: 'too little measured to judge' },
  'far-from-real': { tone: 'open', short: 'far from real images' },
  'nothing-found': { tone: 'good', short: 'nothing found' },
};

/** The doctor's word as a headline, and what follows from it. */
function health(
  { summary }: GanReportInput,
  history: History,
): Pick<Summary, 'tone' | 'short' | 'paragraph'> {
  const { findings, rollBacks } = history;
  const critical = findings.filter(isCritical);
  const warnings = findings.filter((finding) => !isCritical(finding));
  const sentences: string[] = [];
  if (!summary.finished)
    sentences.push(
      `The run has not finished: ${whole(summary.steps)} of ${plural(summary.plannedSteps, 'step')} are done, and pictures that need its generator are missing here.`,
    );
  if (rollBacks.length > 0)
    sentences.push(
      `It went back to an earlier checkpoint ${rollBacks.length === 1 ? 'once' : `${rollBacks.length} times`} (${list(rollBacks.map(({ step, to, reason }) => `from step ${whole(step)} to ${whole(to)}${reason ? `: ${reason}` : ''}`))}).`,
    );
  const judged = standingOfRun(history.measured, findings.length);
  if (critical.length + warnings.length > 0) {
    const last = (critical.length > 0 ? critical : warnings).at(-1)!;
    sentences.push(`Last at step ${whole(last.step)}, ${last.kind}: ${last.evidence}`);
  } else sentences.push(standingSentence(judged)!);
  sentences.push(...summary.frames);
  if (summary.dataset?.kind === 'phantom')
    sentences.push('The images are phantoms: drawn by a program, with no patient behind them.');
  sentences.push('Whether such images help a classifier is for a trial to say (graft trial).');
  const paragraph = sentences.map((sentence) => sentence.replace(/[^.)]$/, '$&.')).join(' ');

  const state = summary.finished ? '' : 'unfinished, ';
  if (critical.length > 0)
    return { tone: 'bad', short: `${state}${plural(critical.length, 'critical finding')}`, paragraph };
  if (warnings.length > 0)
    return { tone: 'open', short: `${state}${plural(warnings.length, 'finding')}`, paragraph };
  if (!summary.finished) return { tone: 'open', short: 'unfinished', paragraph };
  const { tone, short } = OPENINGS[judged.standing];
  return { tone: tone === 'good' && summary.frames.length > 0 ? 'even' : tone, short, paragraph };
}

function keyFigures({ summary, events }: GanReportInput, history: History): Summary['figures'] {
  const { trainingImages, trainingGroups, dataset, steps, batchSize, seconds, device } = summary;
  const figures: Summary['figures'] = [];
  if (trainingImages !== null)
    figures.push({
      label: 'Training images',
      value: whole(trainingImages),
      note:
        dataset && dataset.groupedBy !== 'image' && trainingGroups !== null
          ? plural(trainingGroups, dataset.groupedBy)
          : list(summary.classes),
    });
  figures.push({
    label: 'Steps',
    value: whole(steps),
    note: `batches of ${batchSize}, ${fixed((steps * batchSize) / 1000, 1)} kimg`,
  });
  const rate = history.imagesPerSecond.at(-1)?.y;
  const speed = [
    ...(rate === undefined ? [] : [`${fixed(rate, rate < 10 ? 1 : 0)} images/s`]),
    ...(device === null ? [] : [device]),
  ].join(', ');
  if (seconds !== null) figures.push({ label: 'Time', value: duration(seconds), note: speed });
  const best = bestOf(history.monitor.fd);
  const floor = history.monitor.fdFloor.at(-1)?.y;
  if (best)
    figures.push({
      label: 'Best FD',
      value: figure(best.y),
      note: `step ${whole(best.x)}${floor === undefined ? '' : `, floor ${figure(floor)}`}`,
    });
  else {
    const grids = events.filter(({ type }) => type === 'samples').length;
    if (grids > 0) figures.push({ label: 'Sample grids', value: whole(grids), note: 'in samples/' });
  }
  return figures.slice(0, 4);
}

function findingBlocks({ findings, rollBacks }: History): Block[] {
  const blocks: Block[] = [];
  if (findings.length > 0)
    blocks.push({
      kind: 'table',
      title: 'What the doctor found',
      columns: [left('Finding'), right('Step'), left('Evidence'), left('Remedy')],
      rows: findings.map(({ step, kind, severity, evidence, remedy }) => [
        severity ? `${kind} (${severity})` : kind,
        whole(step),
        evidence,
        remedy,
      ]),
      strong: findings.flatMap((finding, i) => (isCritical(finding) ? [i] : [])),
      note: 'Rules of thumb over what was measured while the run trained: each can be wrong, none sees the pictures. Bold: critical.',
    });
  if (rollBacks.length > 0)
    blocks.push({
      kind: 'table',
      title: 'Where the run went back',
      columns: ['From step', 'To step', 'Reason'].map(left),
      rows: rollBacks.map(({ step, to, reason }) => [whole(step), whole(to), reason]),
      slim: true,
    });
  return blocks;
}

function configurationBlocks({ config }: GanReportInput): Block[] {
  if (config.length === 0) return [];
  const isPreset = ({ value, preset }: ConfigEntry): boolean => value === preset;
  return [
    {
      kind: 'table',
      title: 'Every setting',
      columns: [left('Key'), left('Value')],
      rows: config.map((entry) => [
        entry.key,
        isPreset(entry) || entry.preset === null ? entry.value : `${entry.value} (default: ${entry.preset})`,
      ]),
      strong: config.flatMap((entry, i) => (isPreset(entry) ? [] : [i])),
      note: 'Bold: set for this run; all others are at their default. graft generator train --dry-run prints each key with its meaning and source.',
      slim: true,
    },
  ];
}

function lineageBlocks({ lineage }: GanReportInput): Block[] {
  if (!lineage) return [];
  return [
    {
      kind: 'table',
      title: 'Where images of this generator come from',
      columns: [left('What'), left('Value')],
      rows: lineage.map(({ name, value }) => [name, value]),
      note: 'graft generator sample writes the same beside the images, with every group that was trained on; a trial refuses images whose generator saw a group that it evaluates on.',
      slim: true,
    },
  ];
}
