/** What a run trains or does. */
export type RunKind = 'gan' | 'classifier' | 'trial';
export const runKinds: readonly RunKind[] = ['gan', 'classifier', 'trial'];
