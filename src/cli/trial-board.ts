/**
 * The live table of a trial: on a terminal redrawn in place, elsewhere a line whenever a job ends and one every half
 * minute. Only shows; what it shows is read from the trial's folder.
 */
import { formatDuration, formatFigure } from '../run/index.js';
import type { ArmSoFar, Board, JobProgress } from '../trial/index.js';
import { colorsFor } from './common.js';

const plainIntervalMs = 30_000;
const drawIntervalMs = 500;
/** Rows of running jobs at most: a cluster runs more than a screen holds. */
const MOST_ROWS = 16;

export class BoardView {
  readonly #quiet: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #isTerminal: boolean;
  #drawn = 0;
  #shownMs = Number.NEGATIVE_INFINITY;
  #last: Board | undefined;

  constructor(options: { quiet: boolean; stream?: NodeJS.WriteStream }) {
    this.#quiet = options.quiet;
    this.#stream = options.stream ?? process.stderr;
    this.#isTerminal = this.#stream.isTTY === true && process.env.TERM !== 'dumb';
  }

  show(board: Board): void {
    this.#last = board;
    if (this.#quiet) return;
    const now = performance.now();
    if (now - this.#shownMs < (this.#isTerminal ? drawIntervalMs : plainIntervalMs)) return;
    this.#shownMs = now;
    if (this.#isTerminal) this.#redraw(boardLines(board, this.#look()));
    else this.#stream.write(`${summaryLine(board)}\n`);
  }

  /** A line above the table, which moves down. */
  note(message: string): void {
    if (this.#quiet) return;
    this.#clear();
    this.#stream.write(`${message}\n`);
    this.#shownMs = Number.NEGATIVE_INFINITY;
    if (this.#isTerminal && this.#last) this.show(this.#last);
  }

  /** Leaves the last table on the screen. */
  stop(): void {
    if (this.#quiet || !this.#last) return;
    if (this.#isTerminal) this.#redraw(boardLines(this.#last, this.#look()));
    this.#drawn = 0;
    this.#last = undefined;
  }

  #look(): BoardLook {
    return { columns: this.#stream.columns ?? 80, colors: colorsFor(this.#stream) };
  }

  #redraw(all: string[]): void {
    this.#clear();
    // What has scrolled off the screen cannot be drawn over.
    const lines = all.slice(0, (this.#stream.rows ?? all.length + 1) - 1);
    this.#stream.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#isTerminal && this.#drawn > 0) this.#stream.write(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }
}

type Colors = ReturnType<typeof colorsFor>;

/** One line for all of it. */
export function summaryLine({ counts, jobs, secondsLeft, running }: Board): string {
  const parts = [`${counts.done} of ${jobs} jobs done`];
  if (counts.running > 0) parts.push(`${counts.running} running`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (secondsLeft !== null && secondsLeft > 0) parts.push(`ETA ${formatDuration(secondsLeft)}`);
  const first = running.find(({ state, steps }) => state === 'running' && steps !== null);
  if (first) parts.push(`${first.title}: step ${first.step} of ${first.steps}`);
  return parts.join(', ');
}

interface BoardLook {
  columns: number;
  colors: Colors;
  /** Whether the verdict is there. */
  finished?: boolean;
}

/** The table, no line wider than the terminal. */
export function boardLines(board: Board, { columns, colors, finished = false }: BoardLook): string[] {
  const { counts, jobs, secondsLeft, failed } = board;
  const { bold, dim, red } = colors;
  const width = Math.max(30, columns - 1);
  const lines = [
    head(
      `trial: ${counts.done} of ${jobs} jobs`,
      [
        `${counts.running} running`,
        counts.failed > 0 ? `${counts.failed} failed` : '',
        secondsLeft === null
          ? 'ETA after the first steps'
          : secondsLeft > 0
            ? `ETA ${formatDuration(secondsLeft)}`
            : '',
      ],
      { fraction: counts.done / Math.max(1, jobs), width, bold },
    ),
  ];
  const shown = board.running.slice(0, MOST_ROWS);
  const titleWidth = Math.min(44, Math.max(0, ...shown.map(({ title }) => title.length)));
  for (const row of shown) lines.push(jobLine(row, { titleWidth, width, dim }));
  if (board.running.length > shown.length)
    lines.push(dim(`  … and ${board.running.length - shown.length} more`));
  for (const { title, failures } of failed)
    lines.push(red(shorten(`  failed: ${title}: ${failures.at(-1)!.message}`, width)));
  if (board.arms.some(({ runs }) => runs > 0)) lines.push(...armLines(board.arms, { width, dim, finished }));
  return lines;
}

function head(
  title: string,
  parts: string[],
  { fraction, width, bold }: { fraction: number; width: number; bold: (text: string) => string },
): string {
  const text = parts.filter((part) => part !== '').join('  ');
  const size = Math.min(40, width - title.length - text.length - 4);
  const shown = size < 8 ? text : `${bar(fraction, size)}  ${text}`;
  return `${bold(title)} ${shorten(shown, width - title.length - 1)}`;
}

const bar = (fraction: number, size: number): string => {
  const filled = Math.round(size * Math.min(1, Math.max(0, fraction)));
  return '█'.repeat(filled) + '░'.repeat(size - filled);
};

function jobLine(
  row: JobProgress,
  { titleWidth, width, dim }: { titleWidth: number; width: number; dim: (text: string) => string },
): string {
  const title = shorten(row.title, titleWidth).padEnd(titleWidth);
  if (row.state !== 'running') return dim(shorten(`  ${title} stopped at step ${row.step}`, width));
  if (row.steps === null) return shorten(`  ${title} …`, width);
  const figures = Object.entries(row.figures).map(([name, value]) => `${name} ${formatFigure(value)}`);
  const parts = [
    `${Math.floor((100 * row.step) / row.steps)} %`.padStart(5),
    row.secondsLeft === null ? '' : formatDuration(row.secondsLeft),
    ...figures,
  ].filter((part) => part !== '');
  return shorten(`  ${title} ${bar(row.step / row.steps, 14)} ${parts.join('  ')}`, width);
}

/** Means; where they are not all, said to be so, for they invite to stop when one likes them. */
function armLines(
  arms: readonly ArmSoFar[],
  { width, dim, finished }: { width: number; dim: (text: string) => string; finished: boolean },
): string[] {
  const name = Math.min(44, Math.max(...arms.map(({ arm }) => arm.length)));
  return [
    dim(finished ? '  test AUC:' : '  test AUC so far (no result before all runs are in):'),
    ...arms.map(({ arm, runs, planned, testAuc }) =>
      dim(
        shorten(
          `  ${shorten(arm, name).padEnd(name)} ${testAuc === null ? '  –  ' : testAuc.toFixed(3)}  ${runs} of ${planned} runs`,
          width,
        ),
      ),
    ),
  ];
}

const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
