/**
 * The doctor: names what goes wrong with a generator in training, with the evidence and the remedy, from what was
 * measured alone. What is a symptom its family says (`adversarial/doctor-rules.ts`); here is how many of them make a
 * finding.
 */

export type Severity = 'warning' | 'critical';

export interface Symptom {
  severity: Severity;
  /** Figures with their thresholds. */
  evidence: string;
}

/** One thing that can go wrong, over the measurements of a run. */
export interface Rule<Measurement extends { step: number }> {
  kind: string;
  /** One measurement is enough, at any step; other rules need several of the last ones, past the settling steps. */
  immediate?: boolean;
  /** @param earlier measurements before the ones that are judged together, oldest first */
  judge(measurement: Measurement, earlier: readonly Measurement[]): Symptom | null;
  /** Keys of the configuration to change, with values. */
  remedy(): string;
}

export interface Finding extends Symptom {
  kind: string;
  /** Of the measurement that settled it. */
  step: number;
  remedy: string;
}

/**
 * Figures swing from step to step, so one measurement alarms nobody: the last one must show the symptom, and so must
 * three of the last four.
 */
export const WINDOW = { records: 4, needed: 3 };

/**
 * Until here everything is unusual: a fresh generator paints one image, and a fresh discriminator knows it (in healthy
 * DCGAN runs D(G(z)) is below 0.03 half of the time up to step 200, below 0.06 up to 400).
 */
export const SETTLING_STEPS = 500;

/**
 * What the measurements show at the last of them; pure.
 *
 * @param records of one run, oldest first: all of them, since what came before the last four is what is usual for it.
 *   NaN where something was measured and was none.
 * @returns findings, the gravest first; none for a healthy run, or with too few records to tell
 */
export function diagnose<Measurement extends { step: number }>(
  records: readonly Measurement[],
  rules: readonly Rule<Measurement>[],
): Finding[] {
  const last = records.at(-1);
  if (!last) return [];
  const start = Math.max(0, records.length - WINDOW.records);
  const earlier = records.slice(0, start).filter(({ step }) => step > SETTLING_STEPS);
  const settled = records.slice(start).filter(({ step }) => step > SETTLING_STEPS);

  const findings = rules.flatMap((rule): Finding[] => {
    const judged = rule.immediate ? [last] : settled;
    const needed = rule.immediate ? 1 : WINDOW.needed;
    const symptoms = judged.flatMap((record) => rule.judge(record, earlier) ?? []);
    const now = rule.judge(last, earlier);
    if (!now || symptoms.length < needed) return [];
    const critical = symptoms.filter(({ severity }) => severity === 'critical').length >= needed;
    const often = rule.immediate
      ? ''
      : `; so in ${symptoms.length} of the last ${judged.length} measurements`;
    return [
      {
        kind: rule.kind,
        severity: critical ? 'critical' : 'warning',
        step: last.step,
        evidence: `${now.evidence}${often}`,
        remedy: rule.remedy(),
      },
    ];
  });
  return findings.sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'));
}

/** Findings that were not there before, or were less grave: what is worth a line in the log. */
export function freshFindings(before: readonly Finding[], now: readonly Finding[]): Finding[] {
  return now.filter(({ kind, severity }) => {
    const known = before.find((finding) => finding.kind === kind);
    return !known || (known.severity === 'warning' && severity === 'critical');
  });
}
