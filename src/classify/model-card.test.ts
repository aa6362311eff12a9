import { expect, test } from 'vitest';
import { type ModelCardInput, modelCard } from './model-card.js';

const hostile = [
  "</title><script>document.documentElement.setAttribute('data-pwned','1')</script>",
  '[a](javascript:alert(1))',
  'x\n\n## Heading\n```\n<script>',
  'a | b | c',
];

/** A card whose every text that comes from outside is the given one. */
function cardOf(text: string): string {
  const score = { value: 0.5, interval: { low: 0.4, high: 0.6 } };
  const scores = new Proxy({}, { get: () => score });
  const subgroup = {
    value: text,
    images: 3,
    positives: 1,
    auc: 0.5,
    aucInterval: null,
    sensitivity: null,
    specificity: null,
  };
  const subgroups = [
    {
      title: text,
      missing: 0,
      subgroups: [
        { ...subgroup, few: true },
        { ...subgroup, few: false },
      ],
    },
  ];
  const summary = {
    parameters: 1,
    steps: 1,
    stoppedEarly: false,
    bestStep: 1,
    seconds: 1,
    device: text,
    imagesPerSecond: 1,
    test: { threshold: 0.5 },
    testAuc: 0.5,
    testAucInterval: null,
    images: { real: 1, realPositive: 1, synthetic: 1, syntheticPositive: 1 },
    dataset: { name: text, hash: text, positive: text },
  };
  const lineage = {
    count: 1,
    class: text,
    run: text,
    checkpoint: { step: 1 },
    seed: 0,
    trainingGroups: [],
    dataset: { name: text },
  };
  return modelCard({
    run: text,
    graft: text,
    config: {
      architecture: text,
      head: text,
      imageSize: 8,
      weights: text,
      optimizer: text,
      augmentation: text,
      tta: text,
      real: text,
    },
    summary,
    finished: text,
    dataset: {
      licence: text,
      groupedBy: 'image',
      splitBy: 'dealt',
      kind: 'images',
      provenance: { [text]: text, more: [text] },
    },
    synthetic: [
      { folder: text, lineage },
      { folder: text, lineage: null },
    ],
    evaluation: {
      images: 1,
      positives: 1,
      groups: 1,
      scores,
      calibration: { error: 0, floor: { mean: 0, high: 0 } },
      subgroups,
    },
  } as unknown as ModelCardInput);
}

test('what comes from outside is text in the card: no HTML, link, heading or cell', () => {
  const plain = cardOf('plain');
  const cells = (card: string): number[] =>
    card
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replace(/\\./g, '').split('|').length);
  for (const text of hostile) {
    const card = cardOf(text);
    expect(card).not.toMatch(/<[a-z/]/i);
    // Neither within a span of code, nor escaped, a bracket opens a link.
    expect(card.replace(/(`+)[^\n]*?\1/g, '').replace(/\\./g, '')).not.toContain('](');
    expect(card.match(/^#+ /gm)).toHaveLength(plain.match(/^#+ /gm)!.length);
    expect(card.split('\n')).toHaveLength(plain.split('\n').length);
    expect(cells(card)).toEqual(cells(plain));
  }
});
