/** All that repeats the trial: every run with its seed, every hash, the environment, the configuration. */

import type { Section, TableBlock } from '../../report/index.js';
import { duration, fixed, left, right, whole } from '../../report/index.js';
import { auc } from '../../stats/index.js';
import { armLabel } from '../../verdict/report/index.js';
import type { TrialSummary } from '../summary.js';

export function appendix(summary: TrialSummary): Section {
  const { environment } = summary;
  return {
    id: 'appendix',
    title: 'Appendix',
    blocks: [
      runsTable(summary),
      hashesTable(summary),
      {
        kind: 'table',
        title: 'Environment',
        columns: [left('What'), left('Value')],
        rows: [
          ['Graft', summary.version],
          ['libtorch', environment.libtorch],
          ['Node.js', environment.node],
          ['CPU', environment.cpu],
          ['Device', environment.device],
          ['Threads', String(environment.threads)],
          ['Started', summary.startedAt],
          ['Finished', summary.finishedAt],
        ],
        slim: true,
      },
      { kind: 'code', title: 'Configuration as resolved', text: summary.configYaml.trimEnd() },
    ],
  };
}

function runsTable({ runs, folds, external }: TrialSummary): TableBlock {
  const several = folds.length > 1;
  return {
    kind: 'table',
    title: 'Every run',
    columns: [
      left('Arm'),
      ...(several ? [right('Fold')] : []),
      right('Seed'),
      right('Validation AUC'),
      right('Test AUC'),
      ...external.map(({ name }) => right(`${name} AUC`)),
      right('Log loss'),
      right('Threshold'),
      right('Best step'),
      right('Time'),
    ],
    rows: runs.map((run) => [
      armLabel(run.arm),
      ...(several ? [String(run.fold)] : []),
      String(run.seed),
      fixed(run.validation.auc),
      fixed(run.test.auc),
      ...external.map(({ name, labels }) => {
        const scores = run.externalScores[name];
        return scores ? fixed(auc(labels, scores)) : '–';
      }),
      fixed(run.test.logLoss),
      fixed(run.test.threshold),
      whole(run.bestStep),
      duration(run.seconds),
    ]),
    sortable: true,
  };
}

/** Which data and which generators: with these anybody can tell whether theirs are the same. */
function hashesTable({ dataset, external, gans }: TrialSummary): TableBlock {
  return {
    kind: 'table',
    title: 'Seeds and hashes',
    columns: [left('What'), left('Value')],
    rows: [
      [`Dataset ${dataset.name}`, dataset.hash],
      ...external.map(({ name, hash }) => [`External set ${name}`, hash]),
      ...gans.map(({ name, seed, lineage }) => [
        `GAN ${name}`,
        `seed ${seed}, run ${lineage.run}, checkpoint ${lineage.checkpoint}, dataset ${lineage.datasetHash}`,
      ]),
    ],
    slim: true,
  };
}
