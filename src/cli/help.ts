/**
 * How help looks: usage, description, commands by group, arguments, own options, global options, examples. Like
 * commander's own layout but with the commands first, which is what one looks for, and the global options last.
 */
import { type Command, Help, type Option } from 'commander';
import { colorsFor, shown } from './common.js';

/** Sets colours and layout; commands made below the program inherit them. */
export function styleHelp(program: Command): void {
  const out = colorsFor(process.stdout);
  const err = colorsFor(process.stderr);
  program.configureHelp({
    formatHelp,
    visibleGlobalOptions,
    visibleCommands,
    optionDescription,
    commandUsage: (command) => oneName(command, new Help().commandUsage(command)),
    subcommandTerm: (command) => oneName(command, new Help().subcommandTerm(command)),
    helpWidth: Math.min(process.stdout.columns ?? 100, 110),
    styleTitle: (text) => out.bold(text),
    styleCommandText: (text) => out.cyan(text),
    styleSubcommandText: (text) => out.cyan(text),
    styleArgumentText: (text) => out.cyan(text),
    styleOptionText: (text) => out.cyan(text),
  });
  program.configureOutput({
    getOutHasColors: () => out.isColorSupported,
    getErrHasColors: () => err.isColorSupported,
    outputError: (text, write) =>
      write(`${err.red(`graft: ${shown(text.replace(/^error: /, '').trimEnd())}`)}\n`),
  });
}

/** The program's options, --version left out. A command that only groups others shows none. */
function visibleGlobalOptions(command: Command): Option[] {
  const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0;
  if (isGroup || command.parent === null) return [];
  let program = command.parent;
  while (program.parent) program = program.parent;
  return program.options.filter((option) => !option.hidden && option.long !== '--version');
}

/** Without the `help` command: it works, but every help says --help already. */
function visibleCommands(command: Command): Command[] {
  return new Help().visibleCommands(command).filter((inner) => inner.name() !== 'help');
}

/** Without the alias: an older name works, and is not to be learned. */
const oneName = (command: Command, text: string): string =>
  command.alias() ? text.replace(`|${command.alias()}`, '') : text;

/** Without "(default: [])" behind options that may be repeated. */
function optionDescription(option: Option): string {
  const isEmptyList = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  return isEmptyList ? option.description : new Help().optionDescription(option);
}

function formatHelp(command: Command, help: Help): string {
  const width = help.padWidth(command, help);
  const item = (term: string, description: string): string => help.formatItem(term, width, description, help);
  const optionItem = (option: Option): string =>
    item(
      help.styleOptionTerm(help.optionTerm(option)),
      help.styleOptionDescription(help.optionDescription(option)),
    );
  const lines = [`${help.styleTitle('Usage:')} ${help.styleUsage(help.commandUsage(command))}`, ''];
  const description = help.commandDescription(command);
  if (description !== '') {
    lines.push(help.boxWrap(help.styleCommandDescription(description), help.helpWidth ?? 80), '');
  }
  const section = (title: string, items: string[]): void => {
    lines.push(...help.formatItemList(title, items, help));
  };
  const subcommands = help.groupItems(
    command.commands as Command[],
    help.visibleCommands(command),
    (inner) => inner.helpGroup() || 'Commands:',
  );
  for (const [title, group] of subcommands) {
    section(
      title,
      group.map((inner) =>
        item(
          help.styleSubcommandTerm(help.subcommandTerm(inner)),
          help.styleSubcommandDescription(help.subcommandDescription(inner)),
        ),
      ),
    );
  }
  section(
    'Arguments:',
    help
      .visibleArguments(command)
      .map((argument) =>
        item(
          help.styleArgumentTerm(help.argumentTerm(argument)),
          help.styleArgumentDescription(help.argumentDescription(argument)),
        ),
      ),
  );
  const options = help.groupItems(
    command.options as Option[],
    help.visibleOptions(command),
    (option) => option.helpGroupHeading ?? 'Options:',
  );
  for (const [title, group] of options) section(title, group.map(optionItem));
  section('Global options:', help.visibleGlobalOptions(command).map(optionItem));
  return lines.join('\n');
}
