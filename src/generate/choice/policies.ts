/**
 * Policies of choosing among drawn images, and which may follow which: a filter looks at each image alone and may come
 * first; what chooses needs all images that are left, and comes last.
 */
import { ConfigError } from 'graft-torch/base';

/**
 * random    as they are drawn
 * best      those the discriminator holds most real
 * diverse   one of each cell of k-means over their features
 * filtered  no image that does not show its class, or that comes as near to a training image as a copy
 */
export const POLICIES = ['random', 'best', 'diverse', 'filtered'] as const;
export type Policy = (typeof POLICIES)[number];

/** What a list of policies comes to. */
export interface Plan {
  filtered: boolean;
  chooser: Exclude<Policy, 'filtered'>;
}

const isPolicy = (name: string): name is Policy => (POLICIES as readonly string[]).includes(name);

/**
 * @param policies in the order they are applied; `filtered` alone takes the first that pass
 * @throws ConfigError for an empty list, a policy that is none, and an order that cannot be
 */
export function planOf(policies: readonly string[]): Plan {
  const shown = policies.join(', ');
  const unknown = policies.find((name) => !isPolicy(name));
  if (unknown !== undefined || policies.length === 0)
    throw new ConfigError(`choose ${unknown ?? 'nothing'}: expected one of ${POLICIES.join(', ')}`);
  const [first, second = first === 'filtered' ? 'random' : first, ...more] = policies as Policy[];
  const filtered = first === 'filtered';
  const isOrdered = more.length === 0 && second !== 'filtered' && (filtered || policies.length === 1);
  if (!isOrdered)
    throw new ConfigError(
      `choose ${shown}: one policy chooses, and before it only filtered may stand, as in filtered,best`,
    );
  return { filtered, chooser: second as Plan['chooser'] };
}

/** The discriminator must be opened with the generator. */
export const needsDiscriminator = (policies: readonly string[]): boolean =>
  planOf(policies).chooser === 'best';
