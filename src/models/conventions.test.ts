import { describe, expect, it } from 'vitest';
import { conventionsOf, decodeConventions, encodeConventions, OWN_CONVENTIONS } from './conventions.js';
import { parseVariant, VARIANTS } from './variants.js';

describe('conventions of published weights', () => {
  it.each([
    ['lukemelas', 'b0', 'efficientnet-b0-355c32eb.pth', 'same', 1e-3, 'imagenet'],
    ['lukemelas', 'b0', 'adv-efficientnet-b0-b64d5a18.pth', 'same', 1e-3, 'half'],
    ['lukemelas', 'b3', 'weights.pth', 'same', 1e-3, 'imagenet'],
    ['torchvision', 'b0', 'efficientnet_b0_rwightman-3dd342df.pth', 'symmetric', 1e-5, 'imagenet'],
    ['torchvision', 'b4', 'any.pth', 'symmetric', 1e-5, 'imagenet'],
    ['torchvision', 'b5', 'efficientnet_b5_lukemelas-b6417697.pth', 'symmetric', 1e-3, 'imagenet'],
    ['torchvision', 'v2-s', 'efficientnet_v2_s-dd5fe13b.pth', 'symmetric', 1e-3, 'imagenet'],
    ['timm', 'b0', 'timm/efficientnet_b0.ra_in1k/main/model.safetensors', 'symmetric', 1e-5, 'imagenet'],
    ['timm', 'b0', 'timm/efficientnet_b0.ra4_e3600_r224_in1k/model.safetensors', 'symmetric', 1e-5, 'half'],
    ['timm', 'b0', 'timm/tf_efficientnet_b0.ns_jft_in1k/main/model.safetensors', 'same', 1e-3, 'imagenet'],
    ['timm', 'b7', 'tf_efficientnet_b7_ap-ddb28fec.pth', 'same', 1e-3, 'half'],
    ['timm', 'b7', 'timm/tf_efficientnet_b7.ap_in1k/model.safetensors', 'same', 1e-3, 'half'],
    ['timm', 'v2-s', 'timm/tf_efficientnetv2_s.in21k/main/model.safetensors', 'same', 1e-3, 'half'],
    // The part nearest to the file counts, not a folder of experiments above it.
    [
      'timm',
      'b0',
      '/tf_efficientnet_tests/efficientnet_b0.ra_in1k/model.safetensors',
      'symmetric',
      1e-5,
      'imagenet',
    ],
  ] as const)('%s %s %s', (naming, variant, path, padding, batchNormEps, inputStatistics) => {
    expect(conventionsOf(naming, variant, path)).toEqual({ padding, batchNormEps, inputStatistics });
  });

  it("does not guess which of timm's networks a file is of", () => {
    expect(conventionsOf('timm', 'b0', 'downloads/model.safetensors')).toBeNull();
  });

  it('go into metadata and come out of it', () => {
    const conventions = { padding: 'symmetric', batchNormEps: 1e-5, inputStatistics: 'half' } as const;
    expect(decodeConventions(encodeConventions(conventions))).toEqual(conventions);
    const { padding, inputStatistics } = OWN_CONVENTIONS;
    expect(decodeConventions({ ...encodeConventions(OWN_CONVENTIONS), batchNormEps: 'x' })).toEqual({
      padding,
      inputStatistics,
    });
    expect(decodeConventions({ inputStatistics: 'clip' })).toEqual({ inputStatistics: 'clip' });
    expect(decodeConventions({ architecture: 'efficientnet-b0' })).toBeNull();
  });
});

describe('variants', () => {
  it('go by their usual names', () => {
    for (const name of ['v2-s', 'efficientnet-v2-s', 'efficientnetv2_s', 'efficientnet_v2_s', 'V2S'])
      expect(parseVariant(name)).toBe('v2-s');
    expect(parseVariant('efficientnet_b7')).toBe('b7');
    expect(VARIANTS[parseVariant('b7')]).toMatchObject({
      title: 'EfficientNet-B7',
      resolution: { train: 600, test: 600 },
    });
    expect(VARIANTS['v2-s'].resolution).toEqual({ train: 300, test: 384 });
  });
});
