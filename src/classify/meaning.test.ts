import { expect, it } from 'vitest';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';

const recipe = (changes: Partial<ClassifierRecipe>): ClassifierRecipe => ({
  ...classifierRecipeSchema.parse({ imageSize: 224 }),
  ...changes,
});
const check = (changes: Partial<ClassifierRecipe>) => () => checkRecipe(recipe(changes));

it.each(['resnet-50', 'convnext-tiny', 'vit-small-16'])(
  'refuses keys of EfficientNets for %s, in one line each',
  (architecture) => {
    expect(check({ architecture })).not.toThrow();
    expect(check({ architecture, dropConnect: 0.1, dropout: 0.2 })).not.toThrow();
    expect(check({ architecture, padding: 'symmetric' })).toThrow(
      `padding is for EfficientNets, whose weights differ in it; ${architecture} pads in one way, so leave this key out`,
    );
    expect(check({ architecture, batchNormEps: 1e-5 })).toThrow(
      `batchNormEps is for EfficientNets, whose weights differ in it; ${architecture} has the ε of its paper, so leave this key out`,
    );
    expect(check({ architecture, head: 'normalised' })).toThrow(/^head normalised is for EfficientNets;/);
  },
);

it('refuses what a network of one’s own, or a probe, has no use for', () => {
  const own = { own: ['network' as const] };
  expect(check(own)).not.toThrow();
  expect(check({ ...own, dropConnect: 0 })).not.toThrow();
  expect(check({ ...own, dropConnect: 0.3 })).toThrow(
    /^dropConnect is for the architectures of Graft; a network of one’s own has what its module gives it, so leave this key out$/,
  );
  expect(check({ ...own, padding: 'same' })).toThrow(/^padding is for the architectures of Graft/);
  const probe = { method: 'probe' as const, weights: 'weights.safetensors' };
  expect(check(probe)).not.toThrow();
  expect(check({ ...probe, dropConnect: 0.3 })).toThrow(/^dropConnect is drawn in training/);
  for (const changes of [
    { headWarmupSteps: 5 },
    { validationWindow: 3 },
    { bestBy: 'logLoss' as const },
    { progressive: [{ until: 0.5, imageSize: 128 }] },
  ])
    expect(check({ ...probe, ...changes })).toThrow(`${Object.keys(changes)[0]} shapes fine-tuning`);
});

it('lets EfficientNets have them, and runs that there are already', () => {
  const asked = { padding: 'symmetric', batchNormEps: 1e-5, head: 'normalised', dropConnect: 0.3 } as const;
  expect(check(asked)).not.toThrow();
  // Runs of other networks had these written down by the version that began them.
  const written = recipe({ architecture: 'resnet-18', padding: 'same', batchNormEps: 1e-3 });
  expect(() => checkRecipe(written, { isNew: false })).not.toThrow();
  expect(() => checkRecipe(written)).toThrow(/^padding/);
});
