/** Cells that the tables of a report share. */
import { pValue } from '../../report/index.js';

/** A p-value without its equals sign. */
export const bareP = (p: number): string => pValue(p).replace('= ', '');
