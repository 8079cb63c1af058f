/** What a step changes in the boot shell, as lines for `eval`. Any value survives: quotes, `$`, newlines. */
import type { StepOutcome } from './step.ts'

export const quoteForShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * `{ exports: { A: "it's" } }` → `export A='it'\''s'\n`
 * @throws Error when a variable has a name that a shell does not take
 */
export function renderShellChange({ exports = {}, unset = [], cd }: Omit<StepOutcome, 'result' | 'message'>): string {
  const wrong = [...unset, ...Object.keys(exports)].find(name => !NAME.test(name))
  if (wrong !== undefined) throw new Error(`not the name of a variable: ${wrong}`)
  return [
    ...unset.map(name => `unset ${name}\n`),
    ...Object.entries(exports).map(([name, value]) => `export ${name}=${quoteForShell(value)}\n`),
    ...(cd === undefined ? [] : [`cd ${quoteForShell(cd)}\n`]),
  ].join('')
}
