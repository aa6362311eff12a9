import { cat, dispose, keep, liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type PhantomFactors,
  type PhantomNuisance,
  renderPhantom,
  samplePhantom,
} from '../../data/phantom/index.js';
import { toPlanar } from '../../image/decode.js';
import { noiseImages } from './golden.test-data.js';
import { type ArtefactOptions, measureArtefacts } from './index.js';
import { compareTraits, traitRows } from './traits.js';

const SIDE = 64;
const plain: Partial<PhantomNuisance> = {
  hairs: 0,
  ruler: 'none',
  aperture: 2,
  vignette: 0.05,
  patchHue: null,
};

/** Phantoms of a seed, uint8 `[n, 3, 64, 64]`. */
function phantoms(n: number, seed: number, nuisance: Partial<PhantomNuisance> = {}): Tensor {
  const random = new Random(seed);
  const data = new Uint8Array(n * 3 * SIDE * SIDE);
  for (let i = 0; i < n; i++) {
    const drawn = samplePhantom(random, { prevalence: 0.3 });
    const factors: PhantomFactors = { ...drawn, nuisance: { ...drawn.nuisance, ...nuisance } };
    data.set(toPlanar(renderPhantom(factors, SIDE)), i * 3 * SIDE * SIDE);
  }
  return tensor(data, [n, 3, SIDE, SIDE]);
}

describe('traits', () => {
  let ordinary: Tensor;
  beforeAll(() => {
    ordinary = keep(phantoms(24, 1, plain));
    return () => ordinary.dispose();
  });
  it('each image four times under one name says no more than once', () => {
    tidy(() => {
      const once = tensor(
        Float64Array.from({ length: 90 }, (_, at) => (at % 7 < 2 ? 1 : 0)),
        [30, 3],
      );
      const four = cat([once, once, once, once]);
      const groups = Array.from({ length: 120 }, (_, i) => `p${i % 30}`);
      const random = new Random(1);
      const own = { rows: once };
      const single = compareTraits({ real: own, synthetic: own }, { random }).hair;
      const grouped = compareTraits({ real: { rows: four, groups }, synthetic: own }, { random }).hair;
      const naive = compareTraits({ real: { rows: four }, synthetic: own }, { random }).hair;
      // The sample variance has n − 1 below.
      expect(Math.abs(grouped.real.low - single.real.low)).toBeLessThan(0.01);
      expect(naive.real.low).toBeGreaterThan(grouped.real.low + 0.05);
      expect(naive.difference.high).toBeLessThan(grouped.difference.high - 0.03);
    });
  });

  it.each<[keyof ReturnType<typeof compareTraits>, Partial<PhantomNuisance>, number]>([
    ['hair', { hairs: 20, hairDarkness: 0.9, hairWidth: 0.006 }, 0.7],
    ['ruler', { ruler: 'bar' }, 0.4],
    ['darkCorners', { aperture: 1.1 }, 0.9],
  ])('%s: the share of images that have it', (trait, nuisance, atLeast) => {
    tidy(() => {
      const sets = {
        real: { rows: traitRows(ordinary) },
        synthetic: { rows: traitRows(phantoms(16, 2, { ...plain, ...nuisance })) },
      };
      const result = compareTraits(sets, { random: new Random(1) })[trait];
      expect(result.real.value).toBeLessThan(0.15);
      expect(result.synthetic.value).toBeGreaterThanOrEqual(atLeast);
      expect(result.difference.value).toBeCloseTo(result.synthetic.value - result.real.value, 12);
      expect(result.difference.low).toBeGreaterThan(0);
      expect(result.real.low).toBeLessThanOrEqual(result.real.value);
      expect(result.floor!.value).toBeGreaterThanOrEqual(0);
      expect(result.floor!.high).toBeLessThan(result.difference.value);
    });
  });
});

describe('artefacts', () => {
  let real: Tensor;
  let other: Tensor;
  beforeAll(() => {
    real = keep(phantoms(40, 3));
    other = keep(phantoms(40, 4));
    return () => dispose([real, other]);
  });
  const options: ArtefactOptions = { replicates: 200, seed: 5 };

  it('of phantoms against phantoms lie at the floor', () => {
    const before = liveTensors();
    const report = measureArtefacts({ images: real }, { images: other }, options);
    expect(liveTensors()).toBe(before);
    expect(report.counts).toEqual({ real: 40, synthetic: 40 });
    for (const { value, floor } of [
      report.spectrum.distance,
      report.checkerboard.score,
      report.colour.joint,
      ...Object.values(report.colour.channels),
    ]) {
      expect(value).toBeLessThan(1.5 * floor!.high);
    }
    for (const { difference } of Object.values(report.traits!)) {
      expect(difference.low).toBeLessThan(0);
      expect(difference.high).toBeGreaterThan(0);
    }
    expect(report.byClass).toEqual({});
    expect(measureArtefacts({ images: real }, { images: other }, options)).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('planted are found: a checkerboard of one grey level, blur, a tint', () => {
    tidy(() => {
      const against = (images: Tensor) =>
        measureArtefacts({ images: real }, { images }, { ...options, traits: false });
      const board = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i + Math.floor(i / SIDE)) % 2);
      const laid = other.clamp({ max: 254 }).add(tensor(board, [1, 1, SIDE, SIDE]));
      const { checkerboard, colour, spectrum, traits } = against(laid);
      expect(traits).toBeNull();
      const [first] = [...checkerboard.components].sort((a, b) => b.difference.value - a.difference.value);
      expect(first).toMatchObject({ period: 2, direction: 'both' });
      expect(checkerboard.score.low).toBeGreaterThan(checkerboard.score.floor!.high);
      expect(colour.joint.value).toBeLessThan(1.5 * colour.joint.floor!.high);
      expect(spectrum.level.value).toBeLessThan(3);

      const floats = other.float();
      const blurred = floats
        .narrow(3, 0, SIDE - 1)
        .add(floats.narrow(3, 1, SIDE - 1))
        .div(2)
        .to({ dtype: 'uint8' });
      const sharp = measureArtefacts(
        { images: real.narrow(3, 0, SIDE - 1) },
        { images: blurred },
        { ...options, traits: false },
      );
      expect(sharp.spectrum.level.high).toBeLessThan(0);
      expect(sharp.spectrum.distance.low).toBeGreaterThan(sharp.spectrum.distance.floor!.high);

      const tint = tensor(Uint8Array.from([0, 0, 30]), [1, 3, 1, 1]);
      const { channels } = against(other.clamp({ max: 225 }).add(tint)).colour;
      expect(channels.blue.low).toBeGreaterThan(channels.blue.floor!.high);
      expect(channels.blue.value).toBeGreaterThan(channels.green.value + 10);
    });
  });

  it('are compared by class, and a class without a counterpart is left out', () => {
    tidy(() => {
      const labels = Array.from({ length: 40 }, (_, i) => (i < 20 ? 'benign' : 'malignant'));
      const images = other.narrow(0, 0, 20);
      const report = measureArtefacts(
        { images: real, labels },
        { images, labels: Array(20).fill('malignant') },
        { ...options, traits: false },
      );
      expect(report.leftOut).toEqual(['benign']);
      expect(Object.keys(report.byClass)).toEqual(['malignant']);
      expect(report.counts).toEqual({ real: 20, synthetic: 20 });
      const { byClass, leftOut, protocol, ...all } = report;
      expect(byClass.malignant).toEqual(all);
      const alone = measureArtefacts(
        { images: real.narrow(0, 20, 20) },
        { images },
        { ...options, traits: false },
      );
      // Batches of another size round otherwise.
      expect(alone.spectrum.distance.value).toBeCloseTo(report.spectrum.distance.value, 4);
      expect(alone.spectrum.distance.low).toBeCloseTo(report.spectrum.distance.low, 4);
      expect(alone.colour.joint.value).toBeCloseTo(report.colour.joint.value, 6);
      const both = measureArtefacts(
        { images: real, labels },
        { images: other, labels },
        { ...options, traits: false },
      );
      expect(both.counts.real).toBe(40);
      expect(both.byClass.benign!.counts).toEqual({ real: 20, synthetic: 20 });
    });
  });

  it('of what cannot be compared are refused in one line', () => {
    tidy(() => {
      const small = noiseImages(4, 32, { seed: 1 });
      const set = { images: real };
      expect(() => measureArtefacts(set, { images: small })).toThrow(/64×64 px, synthetic ones 32×32/);
      expect(() => measureArtefacts({ images: small }, { images: small })).toThrow(/48 px or more/);
      expect(() => measureArtefacts(set, { images: other.narrow(0, 0, 1) })).toThrow(/synthetic set has 1/);
      expect(() => measureArtefacts({ ...set, groups: ['a'] }, set)).toThrow(/1 groups for 40 real/);
      expect(() => measureArtefacts(set, { ...set, labels: ['a'] })).toThrow(/1 labels for 40 synthetic/);
      const labelled = (label: string) => ({ images: small, labels: Array(4).fill(label) });
      expect(() => measureArtefacts(labelled('a'), labelled('b'))).toThrow(DataError);
    });
  });
});
