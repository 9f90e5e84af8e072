import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { Argument, Command, Option } from 'commander';
import { completionScript } from '../../src/cli/completion-script.js';
import { createProgram } from '../../src/cli/program.js';

function sampleProgram(): Command {
  const program = new Command('recordsmith');
  program.addOption(new Option('--config <file>', "somebody's file"));
  const sessions = program.command('sessions').description('sessions');
  sessions
    .command('retry')
    .description('try again')
    .addOption(new Option('-n, --dry-run', 'only show'))
    .addOption(new Option('--status <status>', 'status').choices(['ERROR', 'SKIPPED']));
  sessions.command('show').description('show one');
  program.command('shell').addArgument(new Argument('<kind>', 'kind').choices(['bash', 'zsh']));
  return program;
}

/** What bash would offer for the words; the last one is being typed. */
function completeInBash(script: string, words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const { stdout, stderr, status } = spawnSync(
    'bash',
    [
      '--norc',
      '--noprofile',
      '-c',
      `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _recordsmith; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    { encoding: 'utf8' },
  );
  expect({ stderr, status }).toStrictEqual({ stderr: '', status: 0 });
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  const script = completionScript(sampleProgram(), 'bash');

  test.each([
    [
      ['recordsmith', ''],
      ['sessions', 'shell'],
    ],
    [['recordsmith', 'se'], ['sessions']],
    [
      ['recordsmith', 'sessions', ''],
      ['retry', 'show'],
    ],
    [['recordsmith', '--config', 'x', 'sessions', 're'], ['retry']],
    [
      ['recordsmith', '--config', 'sessions', ''],
      ['sessions', 'shell'],
    ],
    [
      ['recordsmith', 'sessions', 'retry', '--'],
      ['--dry-run', '--status', '--help'],
    ],
    [
      ['recordsmith', 'sessions', 'retry', '--status', ''],
      ['ERROR', 'SKIPPED'],
    ],
    [['recordsmith', 'sessions', 'retry', '--status', 'ERROR', '--dr'], ['--dry-run']],
    [['recordsmith', 'shell', 'z'], ['zsh']],
    [['recordsmith', '--config', ''], []],
  ])('bash offers for %j', (words, offers) => {
    expect(completeInBash(script, words).sort()).toStrictEqual([...offers].sort());
  });

  test('the real program: every command is offered', () => {
    const program = createProgram({ action: () => () => Promise.resolve() }, '0');
    const real = completionScript(program, 'bash');
    expect(completeInBash(real, ['recordsmith', '']).sort()).toStrictEqual(
      program.commands.map((command) => command.name()).sort(),
    );
    // What is typed without a command are options of the daemon.
    expect(completeInBash(real, ['recordsmith', '--'])).toEqual(
      expect.arrayContaining(['--run-once', '--dry-run', '--session', '--instrument', '--json']),
    );
    expect(completeInBash(real, ['recordsmith', '-n'])).toStrictEqual(['-n']);
    expect(completeInBash(real, ['recordsmith', '--session', 'config', ''])).toContain('config');
    expect(completeInBash(real, ['recordsmith', 'config', ''])).toStrictEqual(['check', 'show']);
    expect(completeInBash(real, ['recordsmith', '--log-level', 'd'])).toStrictEqual(['debug']);
  });

  test.each(['zsh', 'fish'] as const)('%s names every command, option and choice', (shell) => {
    const text = completionScript(sampleProgram(), shell);
    for (const word of ['sessions', 'retry', 'show', 'dry-run', 'status', 'SKIPPED', 'bash']) {
      expect(text).toContain(word);
    }
    expect(text).toContain(`somebody'\\''s file`);
  });
});
