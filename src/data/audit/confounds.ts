/**
 * Confounds: what predicts the label without a look at the lesion. Each feature alone, and all of a kind together,
 * gets a cross-fitted AUC (src/stats/cross-fit-auc.ts): a classifier that scores no better may have learnt just that.
 */
import { crossFitAuc } from '../../stats/index.js';
import { isRecordedApart } from './columns.js';
import type { Feature } from './levels.js';
import type { Confound } from './result.js';

/** An AUC from which a feature is worth a word, where its interval excludes chance. Below it a feature tells so little
 * that balancing the splits by it changes nothing that could be measured; in thousands of images the interval alone
 * would flag any trifle. 0.6 is where two normal distributions lie 0.36 standard deviations apart. */
export const flaggedAuc = 0.6;

/** A column that nobody knows, and that orders the classes better than this, says the label in other words. */
const saysTheLabel = 0.98;

/** Images that each class needs: fewer give intervals that say nothing. */
export const smallestClass = 10;

export const togetherNames = {
  metadata: 'all metadata together',
  traits: 'all file and pixel traits together',
} as const;

/**
 * @param labels 1 for the positive class
 * @param options.groups one name an image (patient, else lesion, else image)
 * @returns the strongest first; notes name what was found to be the label itself, or could not be judged
 */
export function measureConfounds(
  features: readonly Feature[],
  labels: Uint8Array,
  options: { groups: readonly string[]; seed?: number },
): { confounds: Confound[]; notes: string[] } {
  const { groups, seed } = options;
  const confounds: Confound[] = [];
  const notes: string[] = [];
  const labelsThemselves: string[] = [];
  const used: Feature[] = [];
  for (const feature of features) {
    const found = crossFitAuc([feature.codes], labels, { groups, seed });
    if (!found) {
      notes.push(`${feature.feature} cannot be judged: the classes lie in too few groups.`);
      continue;
    }
    if (feature.source === 'metadata' && found.auc > saysTheLabel && !isRecordedApart(feature.feature)) {
      labelsThemselves.push(`${feature.feature} (${found.auc.toFixed(3)})`);
      continue;
    }
    used.push(feature);
    const { feature: name, kind, source, images, missing } = feature;
    confounds.push({
      feature: name,
      kind,
      source,
      images,
      missing,
      auc: found.auc,
      interval: found.interval,
      flagged: isFlagged(found),
      levels: levelTable(feature, labels),
    });
  }
  const judged = confounds.length;
  confounds.push(
    ...together(
      togetherNames.metadata,
      used.filter(({ source }) => source === 'metadata'),
      { ...options, labels },
    ),
    ...together(
      togetherNames.traits,
      used.filter(({ source }) => source !== 'metadata'),
      { ...options, labels },
    ),
  );
  if (labelsThemselves.length > 0)
    notes.push(
      `Not counted, because they order the classes almost without error and so say the label itself: ${labelsThemselves.join(', ')}. One that is known before the diagnosis would be the worst confound there is.`,
    );
  if (judged > 0)
    notes.push(
      `By chance an interval lies above 0.5 in 1 of 40 features that have nothing to do with the label: of the ${judged} looked at, expect ${(judged / 40).toFixed(1)} such at most.`,
    );
  return { confounds: confounds.sort((a, b) => b.auc - a.auc), notes };
}

const isFlagged = ({ auc, interval }: Pick<Confound, 'auc' | 'interval'>): boolean =>
  interval.low > 0.5 && auc >= flaggedAuc;

/** Several features as one score; nothing for fewer than two. */
function together(
  name: string,
  features: readonly Feature[],
  { labels, ...options }: { labels: Uint8Array; groups: readonly string[]; seed?: number },
): Confound[] {
  if (features.length < 2) return [];
  const found = crossFitAuc(
    features.map(({ codes }) => codes),
    labels,
    options,
  );
  if (!found) return [];
  const source = (['metadata', 'pixels'] as const).find((one) => features.some((own) => own.source === one));
  const images = labels.length;
  return [
    {
      feature: name,
      kind: 'numeric',
      source: source ?? 'file',
      images,
      missing: 0,
      ...found,
      flagged: isFlagged(found),
      levels: [],
    },
  ];
}

function levelTable({ codes, levels }: Feature, labels: Uint8Array): Confound['levels'] {
  const images = new Array<number>(levels.length).fill(0);
  const positives = new Array<number>(levels.length).fill(0);
  codes.forEach((code, i) => {
    images[code]! += 1;
    positives[code]! += labels[i]!;
  });
  return levels
    .map((level, i) => ({ level, images: images[i]!, positiveShare: positives[i]! / images[i]! }))
    .filter((level) => level.images > 0)
    .sort((a, b) => b.images - a.images);
}
