/** Heads of a table's columns. */
import type { TableBlock } from './document.js';

type Column = TableBlock['columns'][number];

export const left = (title: string): Column => ({ title, align: 'left' });
export const right = (title: string): Column => ({ title, align: 'right' });
