/** The process that guarded.ts starts: reads metadata, watches itself, and says when it takes too much. */
import { ConfigError, DataError } from 'graft-torch/base';
import type { GuardedAnswer, GuardedTask, Limits } from './guarded.js';
import { readHere } from './read.js';

const everyMs = 25;

const answer = (what: GuardedAnswer): void => {
  // Whoever asked ends this process: a query that does not stop would keep it from ending by itself.
  process.send!(what);
};

/** The engine works in threads, so that this one is free to look. */
function watch({ cpuSeconds, bytes }: Limits): NodeJS.Timeout {
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage();
    const over =
      process.memoryUsage.rss() > bytes ? 'memory' : user + system > cpuSeconds * 1e6 ? 'time' : undefined;
    if (!over) return;
    clearInterval(timer);
    answer({ over });
  }, everyMs);
  return timer;
}

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', async ({ paths, mapping, limits }: GuardedTask) => {
  const timer = watch(limits);
  try {
    answer({ metadata: await readHere(paths, { mapping }) });
  } catch (error) {
    const kind =
      error instanceof ConfigError ? 'ConfigError' : error instanceof DataError ? 'DataError' : 'Error';
    answer({ error: (error as Error).message, kind });
  } finally {
    clearInterval(timer);
  }
});
