/** What is asked of the archive, and how that is said in its query language. */

export interface ArchiveRequest {
  /** The archive's API, ending in a slash. */
  baseUrl: string;
  /** In the archive's language; '' for everything. */
  query: string;
  /** Ids of collections; an image of any of them counts; empty: no matter. */
  collections: number[];
  /** `dermoscopic`, `clinical: close-up` …; empty: no matter. */
  imageTypes: string[];
  includeSynthetic: boolean;
  /** Null: all. */
  limit: number | null;
}

const notSynthetic = '-image_manipulation:synthetic';

/**
 * The request's query with its filters. A negated term also finds images without the field (the server reads it as
 * 'is not, or is not known'), so leaving out the synthetic ones keeps those that say nothing of it.
 */
export function archiveQuery(
  request: Pick<ArchiveRequest, 'query' | 'imageTypes' | 'includeSynthetic'>,
): string {
  const types = request.imageTypes.map((type) => `image_type:"${type}"`).join(' OR ');
  const query = request.query.trim();
  const parts = [
    ...(query === '' ? [] : [query]),
    ...(types === '' ? [] : [types]),
    ...(request.includeSynthetic ? [] : [notSynthetic]),
  ];
  return parts.length === 1
    ? parts[0]!
    : parts.map((part) => (part === notSynthetic ? part : `(${part})`)).join(' AND ');
}

/** The query for just the images that `archiveQuery` leaves out as synthetic. */
export function syntheticQuery(request: Pick<ArchiveRequest, 'query' | 'imageTypes'>): string {
  const own = archiveQuery({ ...request, includeSynthetic: true });
  return own === '' ? 'image_manipulation:synthetic' : `(${own}) AND image_manipulation:synthetic`;
}

/** Query string of a search; `limit` results a page, at most 100. */
export function searchParameters(
  query: string,
  request: Pick<ArchiveRequest, 'collections'>,
  limit?: number,
): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query !== '') parameters.set('query', query);
  if (request.collections.length > 0) parameters.set('collections', request.collections.join(','));
  if (limit !== undefined) parameters.set('limit', String(limit));
  return parameters;
}
