/** The few helpers that the whole set-up shares. */
import { spawn } from 'node:child_process';

/** A set-up that cannot go on; the message is all that the user needs. */
export class SetupError extends Error {}

/**
 * Runs a command to its end and gathers its output; asynchronous, so that the lock keeps being refreshed.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal }} options
 * @returns {Promise<{ code: number, output: string }>} `code` is -1 where the command does not exist
 */
export function execute(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => (error.code === 'ENOENT' ? done({ code: -1, output: '' }) : fail(error)));
    child.on('close', (code) => done({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/** The last lines of an output, where the reason of a failure stands. */
export function tail(output, lines = 25) {
  return output.trim().split('\n').slice(-lines).join('\n');
}
