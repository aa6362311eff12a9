/** What became of one try, and whether that is a fault. */

/** An error that the user sees, at most: one line, and short enough to be read. */
const longestMessage = 2200; // a message of Graft is cut at 2,000 letters, and says so

export type Outcome =
  /** Read, or done: what was asked for was given. */
  | { kind: 'read' }
  /** One line said what is wrong. */
  | { kind: 'refused'; message: string }
  | { kind: 'fault'; fault: string };

export const read: Outcome = { kind: 'read' };
export const fault = (text: string): Outcome => ({ kind: 'fault', fault: text });

/** An error's message as a user would see it. */
export function refused(message: string): Outcome {
  if (/unexpected \w*Error|bug in Graft/.test(message)) return fault(`a bug: ${message.slice(0, 300)}`);
  if (/^E[A-Z]{3,}: |^\w*Error: /.test(message))
    return fault(`a bare error of the system: ${message.slice(0, 300)}`);
  if (message.trim() === '') return fault('an error without a word');
  if (/[\r\n]/.test(message.trim()))
    return fault(`an error of several lines: ${JSON.stringify(message.slice(0, 300))}`);
  if (message.length > longestMessage)
    return fault(`an error of ${message.length} letters: ${message.slice(0, 200)}…`);
  return { kind: 'refused', message };
}

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  /** It ran into the limit. */
  timedOut: boolean;
}

/** How a command ended, as somebody in front of a terminal would judge it. */
export function judgeCommand({ status, signal, stderr, timedOut }: Ended): Outcome {
  if (timedOut) return fault('it hung');
  if (signal !== null) return fault(`a crash: ${signal}; ${stderr.slice(-300)}`);
  if (status !== null && status > 128 && status !== 130)
    return fault(`a crash: exit code ${status}; ${stderr.slice(-300)}`);
  if (status === 0) return read;
  // Progress and warnings come before it, and where help is after.
  const lines = stderr.split('\n').filter((line) => !/^see: graft /.test(line));
  const first = lines.findIndex((line) => /^graft: (?!warning: )/.test(line));
  if (first < 0) return fault(`exit code ${status} without a word: ${stderr.slice(-300)}`);
  return refused(
    lines
      .slice(first)
      .join('\n')
      .trim()
      .replace(/^graft: /, ''),
  );
}
