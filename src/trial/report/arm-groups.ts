/** Arms without and with standard augmentation have panels of their own, so that a panel is one comparison. */
import type { ArmGroup } from '../../verdict/report/index.js';
import type { TrialArm } from '../arms.js';

export function armGroups(arms: readonly TrialArm[]): ArmGroup[] {
  const having = (augmentation: TrialArm['augmentation']): string[] =>
    arms.filter((arm) => arm.augmentation === augmentation).map(({ name }) => name);
  const groups = [
    { title: 'without augmentation', arms: having('none') },
    { title: 'with augmentation', arms: having('standard') },
  ].filter(({ arms: own }) => own.length > 0);
  return groups.length > 1 ? groups : groups.map((group) => ({ ...group, title: '' }));
}
