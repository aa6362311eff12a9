/**
 * Every class in every part. Dealing by counts alone leaves rare classes out: of three patients with melanoma, two or
 * three go to training, whose share is the largest. Here groups change parts until each class is in as many parts as it
 * has groups for.
 *
 * With groups of one class each this always succeeds. Groups of several classes can make it impossible; a search of
 * bounded length then leaves as little missing as it found (min-conflicts: Minton et al. 1992, with a tabu list).
 */
import type { Random } from 'graft-torch/base';

export interface Covering {
  /** Classes in each group. */
  classes: readonly (readonly string[])[];
  /** Part of each group, 0 … parts − 1: changed in place. */
  part: number[];
  parts: number;
  /**
   * Which parts a class with fewer groups than parts should be in, the most important first; left out, any parts
   * do, so long as they are different ones.
   */
  priority?: readonly number[];
  /** How much worse the counts become when a group goes to a part; the lowest is chosen among moves that gain as much. */
  cost: (group: number, to: number) => number;
  /** Told of every change. */
  onMove: (group: number, from: number, to: number) => void;
  random: Random;
}

/** One class: its groups, how many of them are in each part, and where it should be. */
interface Wanted {
  groups: number[];
  counts: number[];
  parts: readonly number[];
  need: number;
}

const missingOf = ({ counts, parts, need }: Wanted): number =>
  need - Math.min(need, parts.filter((part) => counts[part]! > 0).length);

/** Steps that lead no further before the search gives up; one is enough where groups are of one class each. */
const patience = 400;

export function coverClasses({ classes, part, parts, priority, cost, onMove, random }: Covering): void {
  const wanted = new Map<string, Wanted>();
  const all = Array.from({ length: parts }, (_, i) => i);
  classes.forEach((own, group) => {
    for (const name of own) {
      let one = wanted.get(name);
      if (!one) {
        one = { groups: [], counts: all.map(() => 0), parts: all, need: 0 };
        wanted.set(name, one);
      }
      one.groups.push(group);
      one.counts[part[group]!]!++;
    }
  });
  for (const one of wanted.values()) {
    one.need = Math.min(one.groups.length, parts);
    if (one.groups.length < parts && priority) one.parts = priority.slice(0, one.need);
  }
  const names = [...wanted.keys()].sort();
  const open = (): string[] => names.filter((name) => missingOf(wanted.get(name)!) > 0);

  const shift = (group: number, to: number): void => {
    for (const name of classes[group]!) {
      const { counts } = wanted.get(name)!;
      counts[part[group]!]!--;
      counts[to]!++;
    }
    part[group] = to;
  };
  /** Change of what is missing, over the classes of a group, if it changed its part. */
  const gain = (group: number, to: number): number => {
    const own = classes[group]!.map((name) => wanted.get(name)!);
    const sum = (): number => own.reduce((total, one) => total + missingOf(one), 0);
    const before = sum();
    const from = part[group]!;
    shift(group, to);
    const after = sum();
    shift(group, from);
    return after - before;
  };

  let missing = names.reduce((sum, name) => sum + missingOf(wanted.get(name)!), 0);
  let best = { missing, part: [...part] };
  const barred = new Map<number, number>();
  for (let step = 0, idle = 0; missing > 0 && idle < patience; step++, idle++) {
    const lacking = open();
    const { groups, counts, parts: places } = wanted.get(lacking[random.int(lacking.length)]!)!;
    const empty = places.filter((place) => counts[place] === 0);
    let move: { group: number; to: number; gain: number; cost: number } | undefined;
    for (const to of empty)
      for (const group of groups) {
        if (part[group] === to || (barred.get(group) ?? -1) >= step) continue;
        const own = { group, to, gain: gain(group, to), cost: cost(group, to) };
        if (!move || own.gain < move.gain || (own.gain === move.gain && own.cost < move.cost)) move = own;
      }
    if (!move) continue;
    onMove(move.group, part[move.group]!, move.to);
    shift(move.group, move.to);
    missing += move.gain;
    barred.set(move.group, step + 2 + random.int(6));
    if (missing < best.missing) {
      best = { missing, part: [...part] };
      idle = 0;
    }
  }
  best.part.forEach((to, group) => {
    if (part[group] !== to) onMove(group, part[group]!, to);
    part[group] = to;
  });
}
