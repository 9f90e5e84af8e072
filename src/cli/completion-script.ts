import type { Command, Option } from 'commander';
import { defaultCommandOptions } from './default-command-options.js';

/** Shells that a completion script can be made for. */
export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

interface CompletionNode {
  /** Words after `recordsmith`: empty, `config`, `config show`. */
  readonly path: string;
  readonly subcommands: readonly Command[];
  readonly options: readonly Option[];
  /** What the first operand may be. */
  readonly choices: readonly string[];
  /** Whether operands or option values are files. */
  readonly takesFiles: boolean;
}

const FILE_ARGUMENT = /file|folder|path|dir|xml/i;

function nodesOf(command: Command, path: readonly string[]): CompletionNode[] {
  const help = command.createHelp();
  const node: CompletionNode = {
    path: path.join(' '),
    // Without the `help` that commander gives to each group of commands.
    subcommands: help.visibleCommands(command).filter((child) => command.commands.includes(child)),
    options: [
      ...help.visibleOptions(command),
      ...(command.parent === null ? defaultCommandOptions(command) : []),
    ],
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    takesFiles: command.registeredArguments.some((argument) => FILE_ARGUMENT.test(argument.name())),
  };
  return [node, ...node.subcommands.flatMap((child) => nodesOf(child, [...path, child.name()]))];
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function namesOf(option: Option): string[] {
  return [option.short, option.long].filter((name) => name !== undefined);
}

/** For single quotes of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

function bashScript(nodes: readonly CompletionNode[]): string {
  const options = nodes.flatMap((node) => node.options);
  const withValue = unique(options.filter(takesValue).flatMap(namesOf));
  const withChoices = new Map(
    options.flatMap(({ long, argChoices }) =>
      long !== undefined && argChoices !== undefined ? [[long, argChoices.join(' ')] as const] : [],
    ),
  );
  const cases = nodes.map(({ path, subcommands, options: own, choices, takesFiles }) => {
    const words = [...subcommands.map((child) => child.name()), ...choices];
    return `    ${quoted(path)}) words=${quoted(words.join(' '))}; options=${quoted(own.flatMap(namesOf).join(' '))}; files=${takesFiles ? '1' : ''} ;;`;
  });
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `# bash completion of recordsmith
_recordsmith() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" path="" candidate="" word="" index
  local words="" options="" files=""
  [ "$COMP_CWORD" -gt 0 ] && previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  case "$previous" in
${[...withChoices].map(([name, choices]) => `    ${name}) COMPREPLY=($(compgen -W ${quoted(choices)} -- "$current")); return ;;`).join('\n')}
    ${withValue.join('|')}) compopt -o default 2>/dev/null; return ;;
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
      ${withValue.join('|')}) ((index++)); continue ;;
      -*) continue ;;
    esac
    candidate="\${path:+$path }$word"
    case "$candidate" in
      ${paths.join('|')}) path="$candidate" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ -n "$files" ] && compopt -o default 2>/dev/null
  fi
}
complete -F _recordsmith recordsmith
`;
}

function zshScript(nodes: readonly CompletionNode[]): string {
  const described = (name: string, description: string): string =>
    quoted(`${name.replace(/:/g, '\\:')}:${description}`);
  const cases = nodes.map(({ path, subcommands, options, choices, takesFiles }) => {
    const commands = subcommands.map((child) => described(child.name(), child.description()));
    const flags = options.flatMap((option) =>
      namesOf(option).map((name) => described(name, option.description)),
    );
    return `    ${quoted(path)})
      words_here=(${[...commands, ...choices.map(quoted)].join(' ')})
      options_here=(${flags.join(' ')})
      files_here=${takesFiles ? '1' : ''} ;;`;
  });
  const options = nodes.flatMap((node) => node.options);
  const withValue = unique(options.filter(takesValue).flatMap(namesOf)).join('|');
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const choiceCases = new Map(
    options.flatMap(({ long, argChoices }) =>
      long !== undefined && argChoices !== undefined
        ? [[long, argChoices.map(quoted).join(' ')] as const]
        : [],
    ),
  );
  return `#compdef recordsmith
_recordsmith() {
  local recordsmith_path="" candidate="" word="" files_here=""
  local -a words_here options_here
  local -i position
  case "\${words[CURRENT-1]}" in
${[...choiceCases].map(([name, choices]) => `    ${name}) compadd -- ${choices}; return ;;`).join('\n')}
    ${withValue}) _files; return ;;
  esac
  for ((position = 2; position < CURRENT; position++)); do
    word="\${words[position]}"
    case "$word" in
      ${withValue}) ((position++)); continue ;;
      -*) continue ;;
    esac
    candidate="\${recordsmith_path:+$recordsmith_path }$word"
    case "$candidate" in
      ${paths.join('|')}) recordsmith_path="$candidate" ;;
    esac
  done
  case "$recordsmith_path" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe option options_here
  else
    (( \${#words_here} )) && _describe command words_here
    [[ -n "$files_here" ]] && _files
  fi
}
if [ "$funcstack[1]" = "_recordsmith" ]; then
  _recordsmith "$@"
else
  compdef _recordsmith recordsmith
fi
`;
}

function fishScript(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, subcommands, options, choices, takesFiles }) => {
    const condition = `-n ${quoted(`__recordsmith_at ${path}`.trim())}`;
    const begin = `complete -c recordsmith ${condition}`;
    return [
      ...subcommands.map(
        (child) => `${begin} -f -a ${quoted(child.name())} -d ${quoted(child.description())}`,
      ),
      ...choices.map((choice) => `${begin} -f -a ${quoted(choice)}`),
      ...(takesFiles ? [`${begin} -F`] : []),
      ...options.map((option) => {
        const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
        const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
        const value = takesValue(option) ? ' -r' : '';
        const values =
          option.argChoices === undefined ? '' : ` -f -a ${quoted(option.argChoices.join(' '))}`;
        return `${begin}${short}${long}${value}${values} -d ${quoted(option.description)}`;
      }),
    ];
  });
  const withValue = unique(
    nodes.flatMap((node) => node.options.filter(takesValue).flatMap(namesOf)),
  ).join(' ');
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `# fish completion of recordsmith
function __recordsmith_at
  set -l path
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${withValue}
      set skip 1
    else if not string match -q -- '-*' $word
      set -l candidate (string join ' ' $path $word)
      if contains -- $candidate ${paths.join(' ')}
        set path $path $word
      end
    end
  end
  test (string join ' ' $path) = (string join ' ' $argv)
end
${lines.join('\n')}
`;
}

/** The script that completes commands, options and their choices in a shell, made from the commander tree. */
export function completionScript(program: Command, shell: CompletionShell): string {
  const nodes = nodesOf(program, []);
  switch (shell) {
    case 'bash':
      return bashScript(nodes);
    case 'zsh':
      return zshScript(nodes);
    case 'fish':
      return fishScript(nodes);
  }
}
