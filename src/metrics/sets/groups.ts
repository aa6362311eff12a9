/** Images that belong together: of one patient, of one lesion. */

/** The images of each group, in the order of its first one. @param groups a name an image; default: each is its own */
export function membersOf(images: number, groups?: readonly string[]): number[][] {
  if (!groups) return Array.from({ length: images }, (_, i) => [i]);
  const members = new Map<string, number[]>();
  for (let i = 0; i < images; i++) {
    const own = members.get(groups[i]!);
    if (own) own.push(i);
    else members.set(groups[i]!, [i]);
  }
  return [...members.values()];
}
