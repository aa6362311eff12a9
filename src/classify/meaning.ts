/** Keys that a recipe's network has no use for: better said than passed over in silence. */
import { ConfigError } from 'graft-torch/base';

interface Recipe {
  method: 'fine-tuning' | 'probe';
  architecture: string;
  own?: readonly string[] | undefined;
  head: string;
  padding: string;
  batchNormEps: number | null;
  dropConnect: number;
  dropout: number | null;
}

/** Of `dropConnect`: the recipe's default, which says nothing of what was asked for. */
export const DROP_CONNECT = 0.2;

/** @throws ConfigError naming the first key that does nothing */
export function requireMeaning(recipe: Recipe): void {
  const { architecture, method } = recipe;
  const asked = {
    head: recipe.head === 'normalised',
    padding: recipe.padding !== 'auto',
    batchNormEps: recipe.batchNormEps !== null,
    dropConnect: recipe.dropConnect !== 0 && recipe.dropConnect !== DROP_CONNECT,
    dropout: recipe.dropout !== null && recipe.dropout !== 0,
  };
  const refuse = (key: keyof typeof asked, why: string): void => {
    if (asked[key]) throw new ConfigError(`${key}${key === 'head' ? ' normalised' : ''} ${why}`);
  };
  if (recipe.own?.includes('network')) {
    for (const key of ['head', 'padding', 'batchNormEps', 'dropConnect', 'dropout'] as const)
      refuse(
        key,
        'is for the architectures of Graft; a network of one’s own has what its module gives it, so leave this key out',
      );
    return;
  }
  if (!architecture.startsWith('efficientnet-')) {
    refuse('head', `is for EfficientNets; ${architecture} has one head, so leave this key out`);
    refuse(
      'padding',
      `is for EfficientNets, whose weights differ in it; ${architecture} pads in one way, so leave this key out`,
    );
    refuse(
      'batchNormEps',
      `is for EfficientNets, whose weights differ in it; ${architecture} has the ε of its paper, so leave this key out`,
    );
  }
  if (method === 'probe')
    for (const key of ['dropConnect', 'dropout'] as const)
      refuse(key, 'is drawn in training, and a probe’s network stays as it is; leave this key out');
}
