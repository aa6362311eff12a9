/**
 * The doctor: names what goes wrong with a GAN in training, with the evidence and the remedy, from the monitor's
 * records alone. What is a symptom stands in `doctor-rules.ts`; here is how many of them make a finding.
 */

import { type DoctorConfig, type FindingKind, RULES, type Severity } from './adversarial/doctor-rules.js';
import type { MonitoringRecord } from './adversarial/monitor.js';
import type { Objective } from './adversarial/objectives/objective.js';

export type { DoctorConfig, FindingKind, Severity } from './adversarial/doctor-rules.js';
export type { MonitoringRecord } from './adversarial/monitor.js';

export interface Finding {
  kind: FindingKind;
  severity: Severity;
  /** Of the record that settled it. */
  step: number;
  /** Figures with their thresholds. */
  evidence: string;
  /** Keys of the configuration to change, with values. */
  remedy: string;
}

export interface DiagnoseOptions {
  /** What D's scores are: rules about probabilities do not apply to a critic's. */
  logits: Objective['logits'];
  config: DoctorConfig;
}

/**
 * A GAN's figures swing from step to step, so one record alarms nobody: the last one must show the symptom, and so
 * must three of the last four.
 */
export const WINDOW = { records: 4, needed: 3 };

/**
 * Until here everything is unusual: a fresh generator paints one image, and a fresh discriminator knows it (in healthy
 * DCGAN runs D(G(z)) is below 0.03 half of the time up to step 200, below 0.06 up to 400).
 */
export const SETTLING_STEPS = 500;

/**
 * What the records show at the last of them; pure.
 *
 * @param records of one run, oldest first: all of them, since what came before the last four is what is usual for it.
 *   NaN where something was measured and was none.
 * @returns findings, the gravest first; none for a healthy run, or with too few records to tell
 */
export function diagnose(records: readonly MonitoringRecord[], options: DiagnoseOptions): Finding[] {
  const last = records.at(-1);
  if (!last) return [];
  const start = Math.max(0, records.length - WINDOW.records);
  const earlier = records.slice(0, start).filter(({ step }) => step > SETTLING_STEPS);
  const settled = records.slice(start).filter(({ step }) => step > SETTLING_STEPS);

  const findings = RULES.flatMap((rule): Finding[] => {
    if (rule.needsProbabilities && options.logits !== 'log-odds') return [];
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
        remedy: rule.remedy(options.config),
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
