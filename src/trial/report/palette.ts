/** The four arms of a plain trial have a colour and a symbol of their own. */
import { type ArmStyle, armStyles as stylesOf } from '../../verdict/report/index.js';
import type { TrialArm } from '../arms.js';

/** None, standard, synthetic, both. */
const ownLook = ({ synthetic, augmentation }: TrialArm): number =>
  (synthetic ? 2 : 0) + (augmentation === 'standard' ? 1 : 0);

export const armStyles = (arms: readonly TrialArm[]): ArmStyle[] =>
  stylesOf(
    arms.map(({ name }) => name),
    (name) => ownLook(arms.find((arm) => arm.name === name)!),
  );
