/** THE table of the commands of `bosun`. Each loads what it needs when it runs. */

export interface Output {
  out(text: string): void
  err(text: string): void
}

export interface BosunCommand {
  /** behind the name: `[NAME…] [--json]` */
  readonly usage: string
  readonly doc: string
  /** @returns the exit status: 0 done, 1 not done, 2 wrong usage */
  run(args: readonly string[], output: Output): Promise<number>
}

export const commands: Readonly<Record<string, BosunCommand>> = {
  explain: {
    usage: '[NAME…] [--all] [--json]',
    doc: 'The settings that count, where each comes from, what is ignored, and what is wrong with any of them.',
    run: async (args, output) => (await import('./explain-command.ts')).runExplain(args, output),
  },
  exposure: {
    usage: '[--all] [--json] [--allow PORT[/udp],…]',
    doc: 'What can be reached from outside, whose it is, and whether a login stands before it. Status 1 when not, or when only root can tell.',
    run: async (args, output) => (await import('./exposure.ts')).runExposure(args, output),
  },
}
