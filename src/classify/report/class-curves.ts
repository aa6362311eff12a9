/** ROC and precision–recall curves of every class against the rest, as small planes beside each other. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/index.js';
import { fixed, fullPanel, INK, MUTED, PAPER, plainAxis, RULE, shortened } from '../../report/index.js';
import { precisionRecallCurve, rocCurve } from '../../stats/index.js';
import { oneAgainstRest } from '../scores.js';
import { BLUE, withInterval } from './curves.js';
import type { ClassReportInput } from './input.js';

/** What is drawn in a class's plane. */
interface Plane {
  name: string;
  /** Under the name. */
  figure: string;
  curve: { x: number; y: number }[];
  /** Where calling the likeliest class stands. */
  call: { x: number; y: number } | null;
  /** Height of the line of chance; null for the diagonal. */
  chance: number | null;
}

/** Half a pixel of a plane: nobody sees less, and pages of large sets stay light. */
const UNSEEN = 1 / 400;

/** A curve without the points that lie within half a pixel of the last one kept; its ends stay. */
export function withoutUnseen(points: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  let last = points[0];
  return points.filter((point, i) => {
    const isSeen =
      i === 0 ||
      i === points.length - 1 ||
      Math.abs(point.x - last!.x) >= UNSEEN ||
      Math.abs(point.y - last!.y) >= UNSEEN;
    if (isSeen) last = point;
    return isSeen;
  });
}

const zip = (x: readonly number[], y: readonly number[]): { x: number; y: number }[] =>
  withoutUnseen(x.map((value, i) => ({ x: value, y: y[i]! })));

function planes({ rows, evaluation }: ClassReportInput, kind: 'roc' | 'precision-recall'): Plane[] {
  return evaluation.byClass.flatMap(({ name, images, scores }, k): Plane[] => {
    if (scores === null) return [];
    const against = oneAgainstRest(rows, evaluation.classes, k);
    const labels = against.map(({ label }) => label);
    const probabilities = against.map(({ score }) => score);
    const sensitivity = scores.sensitivity.value!;
    if (kind === 'roc') {
      const { falsePositiveRate, truePositiveRate } = rocCurve(labels, probabilities);
      return [
        {
          name,
          figure: `AUC ${withInterval(scores.auc)}`,
          curve: zip(falsePositiveRate, truePositiveRate),
          call: { x: 1 - scores.specificity.value!, y: sensitivity },
          chance: null,
        },
      ];
    }
    const { recall, precision } = precisionRecallCurve(labels, probabilities);
    return [
      {
        name,
        figure: `AP ${withInterval(scores.averagePrecision)}`,
        curve: zip(recall, precision),
        call: scores.precision.value === null ? null : { x: sensitivity, y: scores.precision.value },
        chance: images / evaluation.images,
      },
    ];
  });
}

/** Planes side by side, as many a row as fit. */
function draw(
  own: readonly Plane[],
  { axes, curve }: { axes: { x: string; y: string }; curve: 'linear' | 'step-before' },
): (width: number) => Plot.PlotOptions {
  return (width) => {
    const columns = Math.min(own.length, width < 500 ? 2 : 4);
    const lines = Math.ceil(own.length / columns);
    const [left, right, top, bottom] = [50, 10, 36, 44];
    const gap = 0.14;
    const side = ((width - left - right) * (1 - gap)) / (columns - gap);
    // Between rows there is room for a name and a figure.
    const pitch = side + 48;
    const at = (i: number) => ({ fx: i % columns, fy: Math.floor(i / columns) });
    const points = own.flatMap((plane, i) => plane.curve.map((point) => ({ ...point, ...at(i) })));
    const titles = own.map((plane, i) => ({
      ...plane,
      name: shortened(plane.name, Math.floor(side / 6.4)),
      ...at(i),
    }));
    const place = { fx: 'fx', fy: 'fy' } as const;
    const words = { ...place, frameAnchor: 'top-left' as const, textAnchor: 'start' as const, fontSize: 11 };
    return {
      width,
      height: top + lines * pitch - 48 + bottom,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: bottom,
      fx: {
        domain: Array.from({ length: columns }, (_, i) => i),
        axis: null,
        paddingInner: gap,
        paddingOuter: 0,
      },
      fy: {
        domain: Array.from({ length: lines }, (_, i) => i),
        axis: null,
        paddingInner: 48 / pitch,
        paddingOuter: 0,
      },
      x: { ...plainAxis(axes.x, true), domain: [0, 1], ticks: [0, 0.5, 1], tickFormat: String },
      y: { ...plainAxis(axes.y, true), domain: [0, 1], ticks: [0, 0.5, 1] },
      marks: [
        Plot.frame({ stroke: RULE }),
        ...(own[0]?.chance === null
          ? [
              Plot.line(
                own.flatMap((_, i) => [0, 1].map((end) => ({ end, ...at(i) }))),
                { ...place, x: 'end', y: 'end', z: null, stroke: MUTED, strokeDasharray: '2,3' },
              ),
            ]
          : [Plot.ruleY(titles, { ...place, y: 'chance', stroke: MUTED, strokeDasharray: '2,3' })]),
        Plot.line(points, { ...place, x: 'x', y: 'y', z: null, stroke: BLUE, strokeWidth: 1.8, curve }),
        Plot.dot(
          titles.flatMap(({ call, fx, fy }) => (call === null ? [] : [{ ...call, fx, fy }])),
          { ...place, x: 'x', y: 'y', r: 4, fill: INK, stroke: PAPER, strokeWidth: 1.2 },
        ),
        Plot.text(titles, { ...words, text: 'name', dy: -27, fill: INK, fontWeight: 600 }),
        Plot.text(titles, {
          ...words,
          text: 'figure',
          dy: -13,
          fill: MUTED,
          fontVariant: 'tabular-nums',
          fontSize: 10,
        }),
      ],
    };
  };
}

export function classCurveFigures(input: ClassReportInput): FigureBlock[] {
  const { scores } = input.evaluation;
  return [
    {
      kind: 'figure',
      name: 'roc',
      title: 'ROC curve of each class against the rest',
      shows: `Every threshold on the probability of one class: sensitivity against false alarms among all other images. The dotted diagonal is chance, the area below a curve its AUC, with 95 % interval; their mean over the classes is ${fixed(scores.macroAuc.value!)}. The dot is where calling the likeliest class stands: as that looks at all probabilities, it may lie off the curve.`,
      doesNotShow:
        'How rare a class is: where it is, few false alarms among very many others already outnumber the right ones, which the next figure shows. Nor which classes are taken for each other.',
      legend: [],
      panels: [
        fullPanel(
          draw(planes(input, 'roc'), {
            axes: { x: '1 − specificity', y: 'sensitivity' },
            curve: 'linear',
          }),
          'ROC curves, one class a plane',
        ),
      ],
    },
    {
      kind: 'figure',
      name: 'precision-recall',
      title: 'Precision–recall curve of each class against the rest',
      shows: `How often a call of the class is right, against the share of its images that is found. The dotted line is chance, the class’s share of the images; the average precision stands above with its 95 % interval, and is ${fixed(scores.macroAveragePrecision.value!)} on average over the classes. The dot is where calling the likeliest class stands.`,
      doesNotShow:
        'What would be elsewhere: these curves hang on how frequent each class is here. Curves of few images are steps of one image each.',
      legend: [],
      panels: [
        fullPanel(
          draw(planes(input, 'precision-recall'), {
            axes: { x: 'sensitivity (recall)', y: 'precision' },
            curve: 'step-before',
          }),
          'Precision–recall curves, one class a plane',
        ),
      ],
    },
  ];
}
