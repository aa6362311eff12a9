/**
 * Commands as a table: each with its name, what the overview says of it, and the file that knows the rest. Only what a
 * command line calls is loaded, so that help appears at once, and also where the engine is not there.
 */
import type { Command } from 'commander';

/** One command. A new one is a file beside this one and an entry in the table of its group, or in main.ts. */
export interface CommandEntry {
  name: string;
  /** Other names that it answers to. */
  aliases?: readonly string[];
  summary: string;
  /** Heading in the overview. */
  group?: string;
  /** Where it is not to be seen in the overview. */
  hidden?: boolean;
  load(): Promise<Registration>;
}

/**
 * Adds a command to its parent. One file may add several that share what they are made of: each has an entry.
 * @param called the commands that the line calls below this one
 */
export type Registration = (parent: Command, called: readonly string[]) => void | Promise<void>;

/**
 * Adds the commands of a table in its order: the called one in full, the others by name and summary.
 * @param called what the command line calls, this table's command first
 */
export async function registerCommands(
  parent: Command,
  table: readonly CommandEntry[],
  called: readonly string[],
): Promise<void> {
  const [name, ...below] = called;
  const entry = table.find((one) => one.name === name || one.aliases?.includes(name ?? ''));
  if (entry) await (await entry.load())(parent, below);
  const find = ({ name }: CommandEntry) => parent.commands.find((command) => command.name() === name);
  if (entry && !find(entry)) throw new Error(`the file of the command "${entry.name}" does not register it`);
  const made = new Set(parent.commands);
  for (const one of table) {
    if (one.group) parent.commandsGroup(one.group);
    const command = find(one) ?? parent.command(one.name, { hidden: one.hidden ?? false });
    made.delete(command);
    command.summary(one.summary).aliases([...(one.aliases ?? [])]);
    if (one.group) command.helpGroup(one.group);
    if (command.description() === '') command.description(one.summary);
  }
  const [stray] = made;
  if (stray) throw new Error(`the command "${stray.name()}" stands in no table`);
  const order = table.map((one) => one.name);
  (parent.commands as Command[]).sort((a, b) => order.indexOf(a.name()) - order.indexOf(b.name()));
}

/** A command that only groups others. */
export const commandGroup =
  (name: string, description: string, table: readonly CommandEntry[]) =>
  async (parent: Command, called: readonly string[]): Promise<void> => {
    await registerCommands(parent.command(name).description(description), table, called);
  };
