import { describe, expect, it } from 'vitest';
import { efficientNetNamings, keyTranslation, layerNames, type Naming } from './efficientnet-keys.js';
import { detectNaming } from './naming.js';
import { VARIANTS } from './variants.js';

const b0 = VARIANTS.b0.spec;
const v2 = VARIANTS['v2-s'].spec;
const namings: Naming[] = ['lukemelas', 'timm', 'torchvision'];
const namingOf = (spec: typeof b0, keys: string[]): string | undefined =>
  detectNaming(efficientNetNamings(spec, 'timm'), keys)?.name;

describe('key names', () => {
  it.each([
    ['_conv_stem.weight', 'conv_stem.weight', 'features.0.0.weight'],
    ['_bn0.running_mean', 'bn1.running_mean', 'features.0.1.running_mean'],
    ['_blocks.0._depthwise_conv.weight', 'blocks.0.0.conv_dw.weight', 'features.1.0.block.0.0.weight'],
    ['_blocks.0._bn2.bias', 'blocks.0.0.bn2.bias', 'features.1.0.block.2.1.bias'],
    ['_blocks.2._expand_conv.weight', 'blocks.1.1.conv_pw.weight', 'features.2.1.block.0.0.weight'],
    ['_blocks.2._bn1.weight', 'blocks.1.1.bn2.weight', 'features.2.1.block.1.1.weight'],
    ['_blocks.15._se_reduce.bias', 'blocks.6.0.se.conv_reduce.bias', 'features.7.0.block.2.fc1.bias'],
    [
      '_blocks.15._bn2.num_batches_tracked',
      'blocks.6.0.bn3.num_batches_tracked',
      'features.7.0.block.3.1.num_batches_tracked',
    ],
    ['_conv_head.weight', 'conv_head.weight', 'features.8.0.weight'],
    ['_fc.bias', 'classifier.bias', 'classifier.1.bias'],
  ])('%s is %s and %s', (...names) => {
    for (const [i, from] of namings.entries()) {
      for (const [j, to] of namings.entries()) {
        expect(keyTranslation(b0, { from, to })(names[i]!)).toBe(names[j]);
      }
    }
  });

  it('leaves alone what is no layer of the network', () => {
    const translate = keyTranslation(b0, { from: 'torchvision', to: 'lukemelas' });
    for (const key of ['_head_bn.weight', 'features.9.0.weight', 'weight', ''])
      expect(translate(key)).toBe(key);
  });

  it('names fused blocks as timm and torchvision do; lukemelas has none', () => {
    const translate = keyTranslation(v2, { from: 'timm', to: 'torchvision' });
    expect(translate('blocks.0.1.conv.weight')).toBe('features.1.1.block.0.0.weight');
    expect(translate('blocks.1.0.conv_pwl.weight')).toBe('features.2.0.block.1.0.weight');
    expect(translate('blocks.5.14.bn3.bias')).toBe('features.6.14.block.3.1.bias');
    expect(translate('conv_head.weight')).toBe('features.7.0.weight');
    expect(layerNames(v2, 'lukemelas')).toBeNull();
  });

  it('tells namings apart by keys, also where many are foreign', () => {
    expect(namingOf(b0, ['_conv_stem.weight', 'extra.weight'])).toBe('lukemelas');
    expect(namingOf(b0, ['conv_stem.weight', 'bn1.weight', 'a.b', 'c.d', 'e.f'])).toBe('timm');
    expect(namingOf(v2, ['features.0.0.weight', 'classifier.1.bias'])).toBe('torchvision');
    expect(namingOf(b0, ['layer1.0.conv1.weight', 'fc.weight'])).toBeUndefined();
    expect(namingOf(b0, [])).toBeUndefined();
  });
});
