/**
 * The queue of fast marching: cells by their time of arrival T, and in the order in which they came where T is equal.
 *
 * T grows as the front moves, and most cells come nearly in order. So each short span of T has a list of its own, kept
 * sorted from its end. With a binary heap inpainting took a tenth longer.
 */

const NONE = -1;
const spansPerUnit = 32;
/** What comes after the last span's beginning stays in it: sorted as well, only more slowly. */
const spans = 256 * spansPerUnit;

export class Front {
  // By number of coming.
  private readonly cells: Int32Array;
  private readonly times: Float32Array;
  private readonly before: Int32Array;
  private readonly after: Int32Array;
  // By span.
  private readonly first = new Int32Array(spans).fill(NONE);
  private readonly last = new Int32Array(spans).fill(NONE);
  private started = 0;
  private came = 0;
  private waiting = 0;
  private span = 0;

  /**
   * @param start cells at T = 0, in order
   * @param capacity how many will be pushed altogether, at most
   */
  constructor(
    private readonly start: readonly number[],
    capacity: number,
  ) {
    this.cells = new Int32Array(capacity);
    this.times = new Float32Array(capacity);
    this.before = new Int32Array(capacity);
    this.after = new Int32Array(capacity);
  }

  /** @param time above 0 */
  push(cell: number, time: number): void {
    const { times, before, after, first, last } = this;
    const own = this.came++;
    this.cells[own] = cell;
    times[own] = time;
    const span = Math.min(spans - 1, Math.floor(time * spansPerUnit));
    let left = last[span]!;
    while (left !== NONE && times[left]! > time) left = before[left]!;
    const right = left === NONE ? first[span]! : after[left]!;
    before[own] = left;
    after[own] = right;
    if (left === NONE) first[span] = own;
    else after[left] = own;
    if (right === NONE) last[span] = own;
    else before[right] = own;
    this.waiting++;
    if (span < this.span) this.span = span;
  }

  /** The next cell; −1: none is left. */
  pop(): number {
    if (this.started < this.start.length) return this.start[this.started++]!;
    if (this.waiting === 0) return -1;
    const { first } = this;
    let { span } = this;
    while (first[span] === NONE) span++;
    this.span = span;
    this.waiting--;
    const own = first[span]!;
    const next = this.after[own]!;
    first[span] = next;
    if (next === NONE) this.last[span] = NONE;
    else this.before[next] = NONE;
    return this.cells[own]!;
  }
}
