/** What `backbones.ts` found, as tables and a figure. */
import { curvesPanel, legendOf, type ReportDocument, SERIES } from '../src/report/index.js';

/** Above: told from the floor. */
export const TOLD = 3;

/** Which way is worse. */
export const SCORES = [
  { id: 'FD', worse: 1 },
  { id: 'KID', worse: 1 },
  { id: 'precision', worse: -1 },
  { id: 'recall', worse: -1 },
  { id: 'density', worse: -1 },
  { id: 'coverage', worse: -1 },
] as const;
export type ScoreId = (typeof SCORES)[number]['id'];
export type Scores = Record<ScoreId, number>;

export interface Levels {
  name: string;
  unit: string;
  levels: string[];
}

export interface Answer extends Levels {
  backbone: string;
  score: ScoreId;
  floor: { mean: number; sd: number };
  means: number[];
  separations: number[];
  rho: number;
  /** The smallest level from which on it is told from the floor. */
  from: string | null;
}

/** A backbone as it was opened. */
export interface Looked {
  /** With its side: `EfficientNet-Lite0, 224 px`. */
  name: string;
  /** Network, weights, hash. */
  about: string;
}

const cell = ({ rho, separations, from }: Answer): string =>
  `${rho.toFixed(2)} · ${separations.map((z) => (Math.abs(z) < 10 ? z.toFixed(1) : z.toFixed(0))).join(' ')} · ${from ?? '–'}`;

/** @param about the images, in words */
export function composePage(
  answers: readonly Answer[],
  { about, backbones }: { about: string; backbones: readonly Looked[] },
): ReportDocument {
  const names = [...new Set(answers.map(({ name }) => name))];
  const of = (name: string, score: ScoreId): Answer[] =>
    answers.filter((answer) => answer.name === name && answer.score === score);
  return {
    ...{ eyebrow: 'bench', title: 'Backbones against known degradations', subtitle: about },
    sections: [
      {
        ...{ id: 'scores', title: 'Scores' },
        blocks: names.map((name) => {
          const [{ unit, levels }] = of(name, 'FD') as [Answer];
          return {
            kind: 'table' as const,
            title: `${name} (${unit}: ${levels.join(', ')})`,
            columns: [
              { title: 'score', align: 'left' as const },
              ...backbones.map(({ name: title }) => ({ title, align: 'left' as const })),
            ],
            rows: SCORES.map(({ id }) => [id, ...of(name, id).map(cell)]),
            note: `Spearman’s ρ of level and badness; separation from the floor at each level, in the floor’s standard deviations; smallest level from which on it is above ${TOLD}.`,
          };
        }),
      },
      {
        ...{ id: 'figure', title: 'Separation of the Fréchet distance' },
        blocks: [
          {
            kind: 'figure' as const,
            ...{ name: 'separation', title: 'How far each level is from the floor' },
            shows: 'Fréchet distance less its floor, in standard deviations of the floor over random halves.',
            doesNotShow: 'Whether the levels matter to a classifier.',
            legend: legendOf(
              backbones.map(({ name }, i) => ({ label: name, color: SERIES[i % SERIES.length]! })),
            ),
            panels: names.map((name) =>
              curvesPanel(
                of(name, 'FD').map(({ backbone, separations }, i) => ({
                  ...{ label: backbone, color: SERIES[i % SERIES.length]!, as: 'dots' as const },
                  points: separations.map((y, x) => ({ x: x + 1, y })),
                })),
                {
                  ...{ title: name, half: true, levels: [0, TOLD] },
                  x: { label: `level: ${of(name, 'FD')[0]!.levels.join(', ')}`, format: String },
                  y: { label: 'floor’s SDs' },
                },
              ),
            ),
          },
        ],
      },
    ],
    footer: backbones.map((one) => one.about).join('; '),
  };
}
