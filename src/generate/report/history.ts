/** A run's event log as series of numbers. */
import type { CurvePoint } from '../../report/index.js';
import type { RunEvent } from '../../run/index.js';
import type { Measured } from '../standing.js';

/** Fields of `losses` events. */
const lossFields = ['discriminatorLoss', 'generatorLoss', 'realScore', 'fakeScore'] as const;

/** Fields of `monitor` events; what was not measured is null. */
const monitorFields = [
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
] as const;

/** What the doctor said. */
export interface Finding {
  step: number;
  kind: string;
  severity: string;
  evidence: string;
  remedy: string;
}

export interface History {
  losses: Record<(typeof lossFields)[number], CurvePoint[]>;
  monitor: Record<(typeof monitorFields)[number], CurvePoint[]>;
  /** Real images seen a second. */
  imagesPerSecond: CurvePoint[];
  /** Each measurement as it was logged. */
  measured: Measured[];
  findings: Finding[];
  rollBacks: { step: number; to: number; reason: string }[];
}

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
  const series = <Field extends string>(
    type: string,
    fields: readonly Field[],
  ): Record<Field, CurvePoint[]> => {
    const own = kept.filter((event) => event.type === type);
    const entries = fields.map((field) => [field, points(own, (event) => event[field])]);
    return Object.fromEntries(entries) as Record<Field, CurvePoint[]>;
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
const points = (events: readonly RunEvent[], read: (event: RunEvent) => unknown): CurvePoint[] =>
  events.flatMap((event) => {
    const y = read(event);
    return typeof y === 'number' && Number.isFinite(y) ? [{ x: event.step, y }] : [];
  });

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
