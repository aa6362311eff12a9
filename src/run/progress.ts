/**
 * Progress on stderr: on a terminal a bar with percentage, rate, time left and the current figures; elsewhere
 * (a log file, a batch system) a plain line at the start, at the end and at most every ten seconds between.
 * stdout is left alone: it belongs to results.
 *
 * The bar is drawn from `update`, not from a timer: a synchronous training loop gives timers no turn. It only
 * ever rewrites the line the cursor is in, so that notices, warnings and ^C between do no harm.
 */

export interface ProgressOptions {
  /** What is being done: 'training sngan-64'. */
  label: string;
  /** How many units there are in all. */
  total: number;
  /** Units done before, for a resumed run: they do not count into the rate. */
  start?: number;
  /** Name of a unit, in the plural: 'steps', 'images', 'files'. */
  unit?: string;
  /** Shows a rate of items instead of units: a step of batch 16 is { count: 16, name: 'images' }. */
  items?: { count: number; name: string };
  /** Prints nothing at all. */
  quiet?: boolean;
  stream?: NodeJS.WriteStream;
  /** Clock in milliseconds, for tests. */
  now?: () => number;
}

/** Named figures beside the bar: losses, scores. Undefined ones are left out. */
export type Figures = Record<string, number | string | undefined>;

const drawIntervalMs = 100;
const plainIntervalMs = 10_000;
const rateWindowMs = 30_000;

export class Progress {
  readonly #options: Required<Pick<ProgressOptions, 'label' | 'total' | 'start' | 'unit'>> & ProgressOptions;
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #marks: { timeMs: number; done: number }[];
  /** How it is shown. */
  readonly #mode: 'bar' | 'lines' | 'nothing';
  #done: number;
  #figures: Figures = {};
  #shownMs = Number.NEGATIVE_INFINITY;
  #shownDone = -1;
  #stopped = false;

  constructor(options: ProgressOptions) {
    this.#options = { start: 0, unit: 'steps', ...options };
    this.#stream = options.stream ?? process.stderr;
    this.#now = options.now ?? (() => performance.now()); // a clock that nobody sets
    this.#done = this.#options.start;
    this.#startMs = this.#now();
    this.#marks = [{ timeMs: this.#startMs, done: this.#done }];
    this.#mode = options.quiet ? 'nothing' : this.#stream.isTTY ? 'bar' : 'lines';
    if (this.#mode === 'bar') this.#show(this.#startMs);
  }

  /** Units per second over the last half minute; NaN before the first. */
  get rate(): number {
    const first = this.#marks[0]!;
    const last = this.#marks.at(-1)!;
    return ((last.done - first.done) / (last.timeMs - first.timeMs)) * 1000;
  }

  /** Items (or, without items, units) per second over the last half minute; NaN before the first. */
  get itemRate(): number {
    return this.rate * (this.#options.items?.count ?? 1);
  }

  /**
   * Tells how far the work is.
   * @param done units done in all, those before a resume included.
   * @param figures shown beside it until the next ones.
   */
  update(done: number, figures?: Figures): void {
    if (this.#stopped) return;
    const timeMs = this.#now();
    this.#done = done;
    if (figures !== undefined) this.#figures = figures;
    // One mark per tenth of a second is enough; the last one is always now.
    if (this.#marks.length > 1 && timeMs - this.#marks.at(-2)!.timeMs < drawIntervalMs) this.#marks.pop();
    this.#marks.push({ timeMs, done });
    while (this.#marks.length > 2 && timeMs - this.#marks[1]!.timeMs > rateWindowMs) this.#marks.shift();
    const interval = this.#mode === 'bar' ? drawIntervalMs : plainIntervalMs;
    if (timeMs - this.#shownMs >= interval) this.#show(timeMs);
  }

  /** Prints a line of its own, above the bar. */
  note(message: string): void {
    if (this.#mode === 'nothing') return;
    const isDrawn = this.#mode === 'bar' && !this.#stopped;
    this.#stream.write(isDrawn ? `\r\x1b[K${message}\n` : `${message}\n`);
    if (isDrawn) this.#show(this.#now());
  }

  /** Ends it, finished or not: the last state stays on the screen. Stopping twice does nothing. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#mode === 'bar' || this.#shownDone !== this.#done) this.#show(this.#now());
    if (this.#mode === 'bar') this.#stream.write('\n');
  }

  #show(timeMs: number): void {
    this.#shownMs = timeMs;
    this.#shownDone = this.#done;
    if (this.#mode === 'bar') this.#stream.write(`\r${this.#barLine()}\x1b[K`);
    if (this.#mode === 'lines') this.#stream.write(`${this.#options.label}: ${this.#parts().join(', ')}\n`);
  }

  /** Fits the line: a shorter bar first, then fewer figures. */
  #barLine(): string {
    const columns = (this.#stream.columns ?? 80) - 1; // a full line would wrap in some terminals
    const label = this.#options.label;
    let text = '';
    for (const part of this.#parts()) {
      if (label.length + text.length + part.length + 2 + 10 > columns) break;
      text += `  ${part}`;
    }
    const width = Math.max(8, Math.min(40, columns - label.length - text.length - 1));
    const filled = Math.round(width * this.#fraction());
    return `${label} ${'█'.repeat(filled)}${'░'.repeat(width - filled)}${text}`.slice(0, columns);
  }

  #fraction(): number {
    return this.#options.total > 0 ? Math.min(1, this.#done / this.#options.total) : 1;
  }

  #parts(): string[] {
    const { total, unit, items, start } = this.#options;
    const percent = Math.floor(100 * this.#fraction());
    const parts = [`${percent} %`, `${this.#done}/${total} ${unit}`];
    // The first unit is often told in the millisecond in which the display begins: that says nothing of a rate.
    const isTimed = this.#marks.at(-1)!.timeMs - this.#marks[0]!.timeMs >= drawIntervalMs;
    if (isTimed && this.#done > start) {
      parts.push(`${formatFigure(this.itemRate)} ${items?.name ?? unit}/s`);
    }
    const elapsedS = (this.#now() - this.#startMs) / 1000;
    if (this.#done >= total) parts.push(`in ${formatDuration(elapsedS)}`);
    else if (isTimed && this.rate > 0) parts.push(`ETA ${formatDuration((total - this.#done) / this.rate)}`);
    for (const [name, value] of Object.entries(this.#figures)) {
      if (value === undefined) continue;
      parts.push(`${name} ${typeof value === 'number' ? formatFigure(value) : value}`);
    }
    return parts;
  }
}

/** Runs `work` with a progress display and ends the display whatever happens. */
export async function withProgress<Result>(
  options: ProgressOptions,
  work: (progress: Progress) => Promise<Result>,
): Promise<Result> {
  const progress = new Progress(options);
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}

/**
 * The same for work that blocks, and that tells with each call how much there is in all: the display begins with the
 * first call.
 */
export function withTotal<Result>(
  options: Omit<ProgressOptions, 'total'>,
  work: (onProgress: (done: number, total: number) => void) => Result,
): Result {
  let progress: Progress | undefined;
  try {
    return work((done, total) => {
      progress ??= new Progress({ ...options, total });
      progress.update(done);
    });
  } finally {
    progress?.stop();
  }
}

/** About four significant digits, never an exponent for everyday sizes: 1234, 31.25, 0.6931, 2e-5, NaN. */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return String(value);
  if (size >= 1000) return size < 1e9 ? value.toFixed(0) : value.toExponential(2);
  if (size < 1e-3) return value.toExponential(1);
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 4);
}

/** A time span: '8 s', '3 min 20 s', '2 h 05 min', '3 d 4 h'. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(s / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
