/**
 * Options that a schema decides: the flags that its keys name become the command's, with their meaning, default and
 * choices; the values go through the same resolver as every configuration, so that a file (`--config`), `--set` and flags
 * are laid over each other, and `--dry-run` prints what comes of it.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { configToYaml, resolveConfig } from '../run/index.js';
import { collect, globalOptions, integer, number, output } from './common.js';

/** Of a key, as zod writes it into JSON Schema: what is used of it. */
interface KeySchema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly KeySchema[];
  properties?: Readonly<Record<string, KeySchema>>;
  items?: KeySchema;
  minimum?: number;
  maximum?: number;
  flags?: string;
  list?: 'repeat' | 'commas';
  means?: unknown;
  words?: Readonly<Record<string, unknown>>;
  shownDefault?: string;
}

interface SchemaFlag {
  /** With dots: `duplicates.near`. */
  key: string;
  schema: KeySchema;
  option: Option;
}

/** Reads the text of a flag whose value is no plain word or number, by key. */
export type FlagReaders = Readonly<Record<string, (given: never) => unknown>>;

/** Adds the flags of a schema, and `--config`, `--set`, `--dry-run`. */
export function addSchemaOptions(command: Command, schema: z.ZodType): Command {
  for (const { option } of flagsOf(schema)) command.addOption(option);
  return command
    .option(
      '--config <file>',
      'options in a YAML file, by the keys that --dry-run prints; flags go before it',
    )
    .option('--set <key=value>', 'set an option by its key; repeatable', collect, [])
    .option('--dry-run', 'print the options as they count, and stop');
}

/**
 * The options of a command as they count.
 * @returns null after `--dry-run`, which has printed them
 * @throws ConfigError naming the flag, or the file and line, at fault
 */
export function schemaOptions<Schema extends z.ZodType>(
  command: Command,
  schema: Schema,
  readers: FlagReaders = {},
): z.output<Schema> | null {
  const given = command.opts();
  const flags = flagsOf(schema).map(({ key, option, schema: { means, words } }) => {
    let value = given[option.attributeName()];
    if (value !== undefined && readers[key]) value = readers[key](value as never);
    else if (value === true && means !== undefined) value = means;
    else if (words && value !== undefined) value = words[value];
    return { flag: option.long!, key, value };
  });
  const config = resolveConfig(schema, {
    file: given.config,
    sets: given.set,
    flags: [...flags, { flag: '--seed', key: 'seed', value: globalOptions(command).seed }],
  });
  if (!given.dryRun) return config;
  output(command, { json: config, text: () => configToYaml(config as object, { schema }) });
  return null;
}

function flagsOf(schema: z.ZodType): SchemaFlag[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as KeySchema;
  const visit = (node: KeySchema, above: string): SchemaFlag[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, own]) => {
      const key = above === '' ? name : `${above}.${name}`;
      if (own.flags === undefined) return visit(own, key);
      return [{ key, schema: own, option: optionOf(own) }];
    });
  return visit(root, '');
}

function optionOf(schema: KeySchema): Option {
  const { flags = '', description = '', list, words, means } = schema;
  const option = new Option(flags, description + defaultText(schema));
  if (means !== undefined) return option;
  if (list === 'repeat') return option.argParser((text, before: string[] = []) => [...before, text]);
  if (list === 'commas')
    return option.argParser((text) =>
      commaList(text).map((part) => (isNumeric(schema.items) ? readNumber(schema.items!)(part) : part)),
    );
  const choices = words ? Object.keys(words) : choicesOf(schema);
  if (choices.length > 0) {
    option.choices(choices.map(String));
    if (choices.every((choice) => typeof choice === 'number'))
      option.argParser((text) => {
        if (choices.includes(Number(text))) return Number(text);
        throw new InvalidArgumentError(`Expected ${choices.join(' or ')}.`);
      });
    return option;
  }
  return isNumeric(schema) ? option.argParser(readNumber(schema)) : option;
}

const isNumeric = (schema: KeySchema | undefined): boolean =>
  schema?.type === 'number' || schema?.type === 'integer';

const readNumber = ({ type, minimum: min, maximum: max }: KeySchema): ((text: string) => number) =>
  (type === 'integer' ? integer : number)({ min, max });

/** The values that an option may have, where they are few. */
function choicesOf({ enum: values, anyOf = [], type }: KeySchema): readonly unknown[] {
  if (values && type !== 'array') return values;
  const constants = anyOf.map((one) => one.const);
  return constants.length > 0 && constants.every((one) => one !== undefined) ? constants : [];
}

function defaultText({ default: value, shownDefault, means, words = {} }: KeySchema): string {
  if (means !== undefined) return '';
  const word = Object.entries(words).find(([, meant]) => meant === value)?.[0];
  const text = shownDefault ?? word ?? (typeof value === 'object' ? '' : String(value ?? ''));
  return text === '' || text === 'false' ? '' : ` (default: ${text})`;
}

/** `a, b` → names. @throws InvalidArgumentError where one is empty */
export function commaList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === ''))
    throw new InvalidArgumentError('Expected names with commas between.');
  return parts;
}
