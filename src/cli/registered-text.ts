/** What is told of a plan that was registered, of a trial or of a table of scores. */
import type { KeptRegistration } from '../verdict/index.js';

/**
 * @param out the file
 * @param told.plan as it is to be printed
 * @param told.next the command that holds an analysis to it
 */
export function registeredText(
  { registration, fileHash, isOld }: KeptRegistration,
  out: string,
  { plan, next }: { plan: unknown; next: string },
): { json: unknown; text: string } {
  const { registeredAt, planHash } = registration;
  return {
    json: { file: out, sha256: fileHash, planHash, registeredAt, unchanged: isOld, plan },
    text: [
      `${out}: ${isOld ? `this plan was registered already, on ${registeredAt.slice(0, 10)}; left as it is` : 'registered'}`,
      `  SHA-256 of the file  ${fileHash}`,
      `  SHA-256 of the plan  ${planHash}`,
      '',
      'Deposit the file, or its SHA-256, now, where somebody else keeps the date: OSF, Zenodo, a journal, an e-mail to a',
      'colleague. On your own disk it proves nothing. Keep the file, byte by byte. Then:',
      `  ${next}`,
    ].join('\n'),
  };
}
