/** Columns and cells that the tables of a report share. */
import { pValue } from '../../report/index.js';

export const left = (title: string) => ({ title, align: 'left' as const });
export const right = (title: string) => ({ title, align: 'right' as const });

/** A p-value without its equals sign. */
export const bareP = (p: number): string => pValue(p).replace('= ', '');
