/** A run's event log as series of numbers. */
import type { Point } from '../../report/index.js';
import type { RunEvent } from '../../run/index.js';
import type { Measured } from '../standing.js';

/** Fields of `losses` events. */
export type LossField = 'discriminatorLoss' | 'generatorLoss' | 'realScore' | 'fakeScore';

/** Fields of `monitor` events; what was not measured is null. */
export type MonitorField =
  | 'realScore'
  | 'fakeScore'
  | 'heldOutScore'
  | 'generatorGradientNorm'
  | 'discriminatorGradientNorm'
  | 'spectralNormMax'
  | 'spectralNormMean'
  | 'diversity'
  | 'realDiversity'
  | 'fakeStd'
  | 'fd'
  | 'fdFloor'
  | 'kid'
  | 'precision'
  | 'recall'
  | 'augmentProbability';

/** What the doctor said. */
export interface Finding {
  step: number;
  kind: string;
  severity: string;
  evidence: string;
  remedy: string;
}

export interface History {
  losses: Record<LossField, Point[]>;
  monitor: Record<MonitorField, Point[]>;
  /** Real images seen a second. */
  imagesPerSecond: Point[];
  /** Each measurement as it was logged. */
  measured: Measured[];
  findings: Finding[];
  rollBacks: { step: number; to: number; reason: string }[];
}

const lossFields: readonly LossField[] = ['discriminatorLoss', 'generatorLoss', 'realScore', 'fakeScore'];
const monitorFields: readonly MonitorField[] = [
  'realScore',
  'fakeScore',
  'heldOutScore',
  'generatorGradientNorm',
  'discriminatorGradientNorm',
  'spectralNormMax',
  'spectralNormMean',
  'diversity',
  'realDiversity',
  'fakeStd',
  'fd',
  'fdFloor',
  'kid',
  'precision',
  'recall',
  'augmentProbability',
];

/**
 * Reads the series out of an event log. Where the run went back to an earlier checkpoint, its curves are those of the
 * way that was kept; findings stay, for they are why it went back.
 */
export function historyOf(events: readonly RunEvent[]): History {
  let kept: RunEvent[] = [];
  const rollBacks: History['rollBacks'] = [];
  for (const event of events) {
    if (event.type === 'rolled-back' && typeof event.to === 'number') {
      const { to } = event;
      rollBacks.push({ step: event.step, to, reason: text(event.reason) });
      kept = kept.filter((one) => one.step <= to);
    } else kept.push(event);
  }
  const series = <Field extends string>(type: string, fields: readonly Field[]): Record<Field, Point[]> => {
    const own = kept.filter((event) => event.type === type);
    const entries = fields.map((field) => [field, points(own, (event) => event[field])]);
    return Object.fromEntries(entries) as Record<Field, Point[]>;
  };
  return {
    losses: series('losses', lossFields),
    monitor: series('monitor', monitorFields),
    imagesPerSecond: points(
      kept.filter(({ type }) => type === 'losses'),
      ({ wall }) => wall.imagesPerSecond,
    ),
    measured: kept.filter(({ type }) => type === 'monitor').map((event) => event as unknown as Measured),
    findings: events
      .filter(({ type }) => type === 'finding')
      .map((event) => ({
        step: event.step,
        kind: text(event.kind),
        severity: text(event.severity),
        evidence: text(event.evidence),
        remedy: text(event.remedy),
      })),
    rollBacks,
  };
}

/** Where there is a finite number; a null, a NaN or a missing field is no point. */
const points = (events: readonly RunEvent[], read: (event: RunEvent) => unknown): Point[] =>
  events.flatMap((event) => {
    const y = read(event);
    return typeof y === 'number' && Number.isFinite(y) ? [{ x: event.step, y }] : [];
  });

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
