import { DataError } from 'graft-torch/base';

/** A request that did not end well. The message begins with the server's name; no address and no header stands in it. */
export class HttpError extends DataError {
  override name = 'HttpError';
  /** HTTP status; undefined when none came. */
  readonly status: number | undefined;
  /** Whether the same request may succeed a little later. */
  readonly passing: boolean;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: { status?: number; passing: boolean; retryAfterMs?: number; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.passing = details.passing;
    this.retryAfterMs = details.retryAfterMs;
  }
}
