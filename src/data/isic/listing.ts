/** Which images a fetch is for: what the journal has, then what the archive lists further, page by page. */
import { DataError } from 'graft-torch/base';
import { HttpError } from '../../net/index.js';
import type { ArchiveClient, Page } from './client.js';
import type { Exclusion, Journal } from './journal.js';
import type { ArchiveRequest } from './query.js';
import { type ImageRecord, isSynthetic, toRecord } from './schema.js';

/**
 * Every image of the request once, in the archive's order (by creation). A page is in the journal before any of its
 * images is handed out; the page after it is under way meanwhile.
 * @throws what the client throws, once its tries are used up
 */
export async function* listImages(
  client: ArchiveClient,
  journal: Journal,
  request: ArchiveRequest,
): AsyncGenerator<ImageRecord, void, undefined> {
  yield* journal.records();
  const first = client.searchUrl(request);
  let url: string | null = journal.next === undefined ? first : journal.next;
  if (url === null) return;
  // Known before this run: met again only when the list had to be begun anew, which makes them no duplicates.
  const known = url === first ? new Set<string>() : new Set(journal.ids);
  let pending = ahead(client, url);
  for (;;) {
    let page: Page;
    try {
      page = await pending;
    } catch (error) {
      // A cursor kept from an earlier run may have become unknown; what is listed is skipped by its id.
      const outdated =
        error instanceof HttpError && [400, 404, 410, 422].includes(error.status ?? 0) && known.size > 0;
      if (!outdated || url === first) throw error;
      url = first;
      pending = ahead(client, url);
      continue;
    }
    if (page.next === url)
      throw new DataError(`${client.host} names a page as its own next page; run it again later`);
    const { records, excluded } = sift(page, journal, { known, request });
    const full = request.limit !== null && journal.ids.size + records.length >= request.limit;
    const next: string | null = full ? null : page.next;
    await journal.append({ next, records, excluded });
    if (next !== null) pending = ahead(client, next);
    yield* records;
    if (next === null) return;
    url = next;
  }
}

/** Starts a request whose failure is met when its turn comes. */
function ahead(client: ArchiveClient, url: string): Promise<Page> {
  const pending = client.page(url);
  pending.catch(() => {});
  return pending;
}

function sift(
  page: Page,
  journal: Journal,
  { known, request }: { known: ReadonlySet<string>; request: ArchiveRequest },
): { records: ImageRecord[]; excluded: [string, Exclusion][] } {
  const records = new Map<string, ImageRecord>();
  const excluded: [string, Exclusion][] = [];
  const gone = new Set(known.size > 0 ? journal.excluded.map(([id]) => id) : []);
  for (const result of page.results) {
    if (request.limit !== null && journal.ids.size + records.size >= request.limit) break;
    const record = toRecord(result);
    if (!record) excluded.push(['', 'no-id']);
    else if (journal.ids.has(record.id) || records.has(record.id)) {
      if (!known.has(record.id)) excluded.push([record.id, 'duplicate']);
    } else if (!request.includeSynthetic && isSynthetic(record.metadata)) {
      if (!gone.has(record.id)) excluded.push([record.id, 'synthetic']);
    } else records.set(record.id, record);
  }
  return { records: [...records.values()], excluded };
}
