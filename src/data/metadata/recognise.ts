/** Which mapping the given tables belong to, and which of its tables each of them is. */
import { ConfigError, DataError } from 'graft-torch/base';
import type { Source } from './formats/index.js';
import { loadMapping, type Mapping, shippedMappings, type TableMapping } from './mapping.js';

export interface Recognised {
  mapping: Mapping;
  /** A name in `mapping.tables` for each source. */
  tables: string[];
}

/**
 * @param name a shipped mapping, the path of a YAML file, `plain` for none; left out, the mapping in which every
 * source is a table, the one that asks for the most columns
 * @returns undefined for tables that are used as they are
 * @throws ConfigError, DataError when a source is no table of the mapping, or the sources belong to different ones
 */
export function recognise(sources: readonly Source[], name?: string): Recognised | undefined {
  if (name === 'plain') return undefined;
  if (name !== undefined) return assign(sources, loadMapping(name));
  const shipped = shippedMappings();
  const fitting = shipped
    .map((mapping) => ({ mapping, fits: sources.map((source) => bestTable(mapping, source)) }))
    .filter(({ fits }) => fits.every((fit) => fit !== undefined))
    .map(({ mapping, fits }) => ({
      mapping,
      tables: fits.map((fit) => fit!.table),
      score: fits.reduce((sum, fit) => sum + fit!.score, 0),
    }))
    .sort((a, b) => b.score - a.score);
  const [best, second] = fitting;
  if (!best) {
    refuseMixture(sources, shipped);
    return undefined;
  }
  if (second && second.score === best.score)
    throw new ConfigError(
      `${sources[0]!.path}: fits ${best.mapping.name} and ${second.mapping.name}; name one with --mapping`,
    );
  return { mapping: best.mapping, tables: best.tables };
}

function assign(sources: readonly Source[], mapping: Mapping): Recognised {
  const tables = sources.map((source) => {
    const fit = bestTable(mapping, source);
    if (fit) return fit.table;
    const lacking = Object.values(mapping.tables).map((table) => lacks(table, source));
    const nearest = lacking.sort((a, b) => a.length - b.length)[0]!;
    throw new ConfigError(
      `${source.path}: no table of the mapping ${mapping.name}: it lacks ${nearest.join(', ')} (it has: ${source.columns.join(', ')})`,
    );
  });
  return { mapping, tables };
}

/** The mapping's table that asks for the most columns of those that the source has all columns of. */
function bestTable(mapping: Mapping, source: Source): { table: string; score: number } | undefined {
  return Object.entries(mapping.tables)
    .filter(([, table]) => lacks(table, source).length === 0)
    .map(([name, { recognise: asked, headerless }]) => ({
      table: name,
      score: asked?.length ?? Object.keys(headerless ?? {}).length,
    }))
    .sort((a, b) => b.score - a.score)[0];
}

/** What a table asks for and a source does not have. */
function lacks(table: TableMapping, source: Source): string[] {
  if (table.headerless === undefined)
    return (table.recognise ?? []).filter((column) => !source.columns.includes(column));
  const patterns = Object.values(table.headerless);
  const first = source.header?.cells;
  const fits =
    first?.length === patterns.length && patterns.every((pattern, i) => new RegExp(pattern).test(first[i]!));
  return fits ? [] : [`a first line of ${patterns.map((pattern) => `/${pattern}/`).join(', ')}`];
}

/** Tables of which some are known: joined or put together blindly they would make nonsense. */
function refuseMixture(sources: readonly Source[], shipped: readonly Mapping[]): void {
  const known = sources.map(
    (source) => shipped.find((mapping) => bestTable(mapping, source))?.name ?? 'none that is known',
  );
  if (new Set(known).size === 1) return;
  const each = sources.map((source, i) => `${source.path} (${known[i]})`);
  throw new DataError(
    `these tables do not belong together: ${each.join(', ')}; give them one by one, or say with a mapping file how to join them`,
  );
}
