/** The process that reads what was made to harm it. Its parent (reading.ts) sees whether it lives. */
import { basename } from 'node:path';
import { setThreads } from 'graft-torch';
import { Fault, fileKinds } from './file-kinds.js';
import { fault, type Outcome, read, refused } from './outcome.js';

export interface ReadRequest {
  kind: string;
  path: string;
  /** What is read though it must not be is a fault. */
  mustRefuse: boolean;
}

setThreads(1);

async function attempt({ kind, path, mustRefuse }: ReadRequest): Promise<Outcome> {
  try {
    await fileKinds.find(({ name }) => name === kind)!.read(path);
    return mustRefuse ? fault('read as if it were sound') : read;
  } catch (error) {
    if (error instanceof Fault) return fault(error.message);
    if (!(error instanceof Error)) return fault(`threw ${String(error)}`);
    const { GraftError, TorchError } = await import('graft-torch/base');
    if (!(error instanceof GraftError)) return fault(`a bug: ${error.name}: ${error.message.slice(0, 300)}`);
    const names =
      error.message.includes(basename(path)) || error.message.includes(basename(path).replace(/^\d+-/, ''));
    if (error instanceof TorchError && !names)
      return fault(`an error of libtorch that does not name the file: ${error.message.slice(0, 200)}`);
    return refused(error.message);
  }
}

process.on('message', (request: ReadRequest) => {
  attempt(request).then((outcome) => process.send!(outcome));
});
process.on('disconnect', () => process.exit());
process.send!('ready');
