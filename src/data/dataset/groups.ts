/**
 * Groups: what must stay together. Images that share a patient, a lesion or the picture itself are one observation,
 * and a split that tears them apart measures memory instead of skill.
 */

/** Joins what is linked, directly or over others. */
export class UnionFind {
  readonly #parent: Int32Array;

  constructor(size: number) {
    this.#parent = Int32Array.from({ length: size }, (_, i) => i);
  }

  /** The smallest member of the set that `i` is in. */
  find(i: number): number {
    let root = i;
    while (this.#parent[root] !== root) root = this.#parent[root]!;
    for (let at = i; at !== root; ) {
      const next = this.#parent[at]!;
      this.#parent[at] = root;
      at = next;
    }
    return root;
  }

  union(i: number, j: number): void {
    const a = this.find(i);
    const b = this.find(j);
    this.#parent[Math.max(a, b)] = Math.min(a, b);
  }
}

export interface Groupable {
  id: string;
  /** Every patient this image is known to show; mostly one or none. */
  patients: readonly string[];
  lesions: readonly string[];
}

/**
 * A group for each item: the patient, else the lesion, else the image itself, joined over shared patients, shared
 * lesions and `pairs` (duplicates).
 * @returns names such as `patient:IP_12`, `lesion:IL_7`, `image:ISIC_3`: of the first patient, else lesion, else image
 * in the group, in order of the items
 */
export function assignGroups(
  items: readonly Groupable[],
  pairs: readonly { a: number; b: number }[],
): string[] {
  const sets = new UnionFind(items.length);
  const firstWith = new Map<string, number>();
  const keysOf = (item: Groupable): string[] => [
    ...item.patients.map((name) => `patient:${name}`),
    ...item.lesions.map((name) => `lesion:${name}`),
  ];
  items.forEach((item, i) => {
    for (const key of keysOf(item)) {
      const first = firstWith.get(key);
      if (first === undefined) firstWith.set(key, i);
      else sets.union(first, i);
    }
  });
  for (const { a, b } of pairs) sets.union(a, b);

  const rank = { patient: 2, lesion: 1, image: 0 };
  const names = new Map<number, { name: string; rank: number }>();
  items.forEach((item, i) => {
    const root = sets.find(i);
    const [key = `image:${item.id}`] = keysOf(item);
    const own = { name: key, rank: rank[key.slice(0, key.indexOf(':')) as keyof typeof rank] };
    const known = names.get(root);
    if (!known || own.rank > known.rank) names.set(root, own);
  });
  return items.map((_, i) => names.get(sets.find(i))!.name);
}
