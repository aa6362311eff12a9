import { expect, it } from 'vitest';
import { classifierTitle } from './collect.js';

it('calls the classifier of a trial as its paper does, and says where it starts', () => {
  const weights = 'hf:timm/resnet50.a1_in1k/model.safetensors';
  expect(classifierTitle({ architecture: 'resnet-50', weights })).toBe('ResNet-50 from model.safetensors');
  expect(classifierTitle({ architecture: 'efficientnet-b0', weights: null })).toBe(
    'EfficientNet-B0 from scratch',
  );
  expect(classifierTitle({ architecture: 'efficientnet-b0', weights: null, own: ['network'] })).toBe(
    'a network of one’s own',
  );
});
