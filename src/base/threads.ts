/**
 * Worker threads for plain computing in JavaScript; decoding and tensors have threads of their own. A pool starts
 * the same file a few times, and gives each thread one task at a time. What comes back does not depend on the number
 * of threads as long as a task's result does not depend on other tasks.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** What a thread does with a task. */
export type Handler<Task, Result> = (task: Task) => Result;

/** Who takes tasks: a pool, or this thread. */
export interface Taker<Task, Result> {
  /** Tasks that are worked on at the same time. */
  threads: number;
  run(task: Task): Promise<Result>;
  /** Stops the threads, whatever they are doing. */
  close(): Promise<void>;
}

/** Called once by a thread's file: makes its handler from the pool's data, and answers tasks from then on. */
export function serve<Data, Task, Result>(start: (data: Data) => Handler<Task, Result>): void {
  const handle = start(workerData as Data);
  // What the handler throws ends the thread, and reaches the pool as the thread's error.
  parentPort!.on('message', (task: Task) => parentPort!.postMessage(handle(task)));
}

interface Job<Task, Result> {
  task: Task;
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
}

function createPool<Task, Result>(file: string, data: unknown, threads: number): Taker<Task, Result> {
  const workers: Worker[] = [];
  const idle: Worker[] = [];
  const waiting: Job<Task, Result>[] = [];
  const underWay = new Map<Worker, Job<Task, Result>>();
  let failed: Error | undefined;

  const fail = (error: Error): void => {
    failed ??= error;
    for (const { reject } of [...underWay.values(), ...waiting.splice(0)]) reject(failed);
    underWay.clear();
  };
  const feed = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop()!;
      const job = waiting.shift()!;
      underWay.set(worker, job);
      worker.postMessage(job.task);
    }
  };
  const start = (): void => {
    const worker = new Worker(file, { workerData: data });
    worker.on('message', (result: Result) => {
      const job = underWay.get(worker);
      underWay.delete(worker);
      idle.push(worker);
      feed();
      job?.resolve(result);
    });
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('a worker thread has ended')));
    workers.push(worker);
    idle.push(worker);
  };
  for (let i = 0; i < threads; i++) start();

  return {
    threads,
    run: (task) =>
      new Promise((resolve, reject) => {
        if (failed) return reject(failed);
        waiting.push({ task, resolve, reject });
        feed();
      }),
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/**
 * A pool of threads for a handler, or this thread itself: where one is asked for, and where the sources run as they
 * are (tests), because threads need compiled files.
 * @param file the compiled file that calls {@link serve}, such as `new URL('./near-worker.js', import.meta.url)`
 * @param start makes the handler; what the file gives to `serve`
 * @param options.data goes to `start`; shared memory is shared, all else is copied
 * @param options.threads default: all cores
 */
export function openThreads<Data, Task, Result>(
  file: URL,
  start: (data: Data) => Handler<Task, Result>,
  options: { data: Data; threads?: number },
): Taker<Task, Result> {
  const { data, threads = availableParallelism() } = options;
  const path = fileURLToPath(file);
  if (threads > 1 && existsSync(path)) return createPool(path, data, threads);
  const handle = start(data);
  return {
    threads: 1,
    run: async (task) => {
      // A turn of the event loop: signals and bars.
      await new Promise((resolve) => setImmediate(resolve));
      return handle(task);
    },
    close: async () => {},
  };
}
