// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shell is what this is about
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseAssignments } from '../../../../programs/common/shell-assignments.ts'
import { openRandom } from '../../../support/random.ts'

const directory = mkdtempSync(join(tmpdir(), 'bosun-shell-'))
afterAll(() => rmSync(directory, { recursive: true }))

const env: Readonly<Record<string, string>> = { HOME: '/root', GIVEN: 'a given  value', EMPTY: '' }
const names = ['A', 'B', 'C_1', 'GIVEN']

/** What bash has in each of these variables after it has sourced each text; null: nothing. */
function askBash(texts: readonly string[]): (string | null)[][] {
  for (const [index, text] of texts.entries()) writeFileSync(join(directory, `f${index}`), text)
  const script = `
    for ((i = 0; i < $1; i++)); do
      ( set -a; . ./f$i; set +a; for name in ${names.join(' ')}; do [[ -v $name ]] && printf '=%s\\0' "\${!name}" || printf -- '-\\0'; done ) 2>/dev/null </dev/null
      printf '/\\0'
    done`
  const { stdout, status } = spawnSync('/bin/bash', ['-c', script, 'bash', String(texts.length)], {
    cwd: directory,
    env: { ...env, PATH: '/nowhere', LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  expect(status).toBe(0)
  const found: (string | null)[][] = [[]]
  for (const field of stdout.split('\0').slice(0, -1))
    if (field === '/') found.push([])
    else found.at(-1)!.push(field.startsWith('=') ? field.slice(1) : null)
  return found.slice(0, -1)
}

/** The same, as far as we can tell without bash. */
function askUs(text: string): { values: (string | null)[]; told: number } {
  const { assignments, misread } = parseAssignments(text, name => env[name])
  const found = new Map(assignments.map(({ name, value }) => [name, value]))
  return { values: names.map(name => found.get(name) ?? env[name] ?? null), told: misread.length }
}

describe('what is understood is understood as bash does', () => {
  const understood = [
    'A=1',
    'A=',
    'A=""',
    `A='single $x \`y\` "z" \\'`,
    'A="double \\$x \\` \\" \\\\ \\z \\\nafter"',
    `A=a'b'"c"d\\ e`,
    'A=x#y # comment',
    '# A=1\n\n  \t\nA=2',
    'A=1 B=2',
    'A=1 B=$A',
    'A=0\nexport A=1 B=$A',
    'export A=1 B C_1="3 4"',
    'export B\nA=1',
    'A=1;B=2 ; C_1=3',
    'A=$GIVEN B="$GIVEN" C_1=${GIVEN}x',
    'A=${EMPTY:-x} B=${EMPTY-x} C_1=${NO:-y z}',
    'A=$NO.$ B="$" C_1="a$ b"',
    'A=~/x B=~ C_1=a:~/b:~',
    'A=x~ B="~/x" C_1=\\~/x',
    'A=a=~/b B=~"/x" C_1=:~:',
    "A=$'tab\\there\\n\\'q\\' \\x41\\101\\u00e9 \\z'",
    'A=$"translated"',
    'A="$\'x\'" B=a$',
    'A=1\nA+=2\nB+=3',
    'A=first\\\nsecond',
    'A=1 \\\n  B=2',
    'A="two\nlines"',
    "A='two\nlines'",
    'A="ünïcode ☂ 😀"',
    'A=x\\\n\nB=2',
    'A=%d B={a,b} C_1=*.c',
    'A=!x B=a!b C_1="!!"',
    'A="{\\"json\\": [1, \\"a b\\"]}"',
    'export',
    '',
    '#',
    'A=1 # c\n# d',
    'A=a:\\\n/b:\\\n/c',
  ]
  test.each(understood)('%j', text => {
    const { values, told } = askUs(text)
    expect(told).toBe(0)
    expect(values).toEqual(askBash([text])[0])
  })
})

describe('what only a shell can do is told, with its line, and costs nothing else', () => {
  test.each([
    ['A=hello world\nB=2', 'A is not set like this: to bash, the world behind its value is a command', { B: '2' }],
    [
      'B=2\nA=http://h/?a=1&b=2\nC_1=3',
      'A is not set like this: to bash, the & behind its value ends it',
      { B: '2', C_1: '3' },
    ],
    ['A=$(date)\nB=2', 'A: only a shell can work out $(…', { B: '2' }],
    ['A="`date +"%s"`"\nB=2', 'A: only a shell can work out `…', { B: '2' }],
    ['echo "A=1\nB=1"\nB=2', 'echo is a command, which is not run here', { B: '2' }],
    ['A = 1\nB=2', 'A is a command, which is not run here', { B: '2' }],
    ['A-B=1\nB=2', 'A-B=1 is a command, which is not run here', { B: '2' }],
    ['A=${GIVEN%x}\nB=2', 'A: only a shell can work out ${…', { B: '2' }],
    ['A=$UID\nB=2', 'A: only the shell knows $UID', { B: '2' }],
    ['A=~nobody/x\nB=2', 'only the shell knows ~n…', { B: '2' }],
    ['declare -x A=1\nB=2', 'declare is a command, which is not run here', { B: '2' }],
    ['export -n A\nB=2', 'export of -n is not understood here', { B: '2' }],
    ['A=(1 2)\nB=2', 'A is not set like this: to bash, the ( behind its value ends it', { B: '2' }],
    ['A=$GIV\\\nEN\nB=2', 'A: a line ends within what belongs together', { B: '2' }],
    ['true && # A=1\nB=1\nC_1=3', 'true is a command, which is not run here', { C_1: '3' }],
  ])('%j', (text, message, values) => {
    const { assignments, misread } = parseAssignments(text, name => env[name])
    expect(misread.map(each => each.message)).toEqual([message])
    expect(Object.fromEntries(assignments.map(({ name, value }) => [name, value]))).toEqual(values)
  })

  test.each([
    ['A=1\nB="x\nC_1=3', 'B: the " has no end; bash reads nothing from here on', 2],
    ["A=1\n\nB='x\nC_1=3", "B: the ' has no end; bash reads nothing from here on", 3],
    ['A=1\nif true; then B=2; fi\nC_1=3', 'if is shell code; what follows is not read here', 2],
    ['A=1\nf() {\nB=2\n}\n', 'f( is shell code; what follows is not read here', 2],
    ['A=1\n;B=2', '; is shell code; what follows is not read here', 2],
    ['A=1\ncat <<EOF\nB=2\nEOF\n', 'cat is a command, which is not run here', 2],
    ['A=1\nexit\nB=2', 'exit is shell code; what follows is not read here', 2],
  ])('%j is read no further', (text, message, line) => {
    const { assignments, misread } = parseAssignments(text, name => env[name])
    expect(misread).toEqual([{ line, message, fix: expect.any(String) }])
    expect(assignments).toEqual([{ name: 'A', value: '1', line: 1 }])
  })

  test('a carriage return belongs to the value, and is told', () => {
    const { assignments, misread } = parseAssignments('A="1"\r\nB=2\r\n')
    expect(assignments.map(({ value }) => value)).toEqual(['1\r', '2\r'])
    expect(misread.map(({ line, message }) => [line, message])).toEqual([
      [1, 'A ends with a carriage return'],
      [2, 'B ends with a carriage return'],
    ])
  })
})

test('any text: where nothing is told, bash agrees', () => {
  const random = openRandom()
  const { pick, many, below } = random
  const plain = [
    'a',
    'x.y',
    '1',
    '*',
    '%s',
    'é😀',
    '{a,b}',
    '!',
    '=',
    ':',
    '#',
    '@',
    '[',
    ']',
    '-',
    '+',
    '\u00a0',
    '\x01',
    '\r',
  ]
  const special = [
    '~',
    '~/',
    '\\',
    '\\\n',
    '\\ ',
    '\\"',
    '\\$',
    '\\n',
    '$',
    '$A',
    '${B}',
    '$GIVEN',
    '$NO',
    '${C_1:-x y}',
    '${EMPTY:-z}',
  ]
  const inside = [...plain, ...special, ' ', '\n', '\t', ';', '&', '|', '<', '(', ')']
  const noise = ["'", '"', '`', '$(', ')', '&', '|', '<', 'if ', 'true', '{', '\v', '$"', '[ ']
  const text = (from: readonly string[], most: number): string => many(below(most), () => pick(from)).join('')
  const part = (): string => {
    const kind = below(20)
    if (kind < 7) return text(plain, 4)
    if (kind < 11) return pick(special)
    if (kind < 14) return `"${text([...inside, "'"], 5)}"`
    if (kind < 16) return `'${text([...inside, '"', '`'], 5).replaceAll("'", '')}'`
    if (kind < 18) return `$'${text([...plain, '\\n', "\\'", '\\\\', '\\x41', '\\z', '"', '$A', '\n'], 5)}'`
    return kind === 18 ? ':~' : below(6) === 0 ? pick(noise) : ''
  }
  const pair = (): string => `${pick(names)}${pick(['=', '=', '=', '+='])}${many(below(4), part).join('')}`
  const command = (): string =>
    pick(['', '', '', 'export ', ' ', '# ', 'export B ']) +
    many(1 + below(2), pair).join(pick([' ', '\t', ' \\\n', ';']))
  const texts = many(1500, () => many(1 + below(4), command).join(pick(['\n', '\n', ';', '\n\n', ' # c\n'])))
  const bash = askBash(texts)
  const compared = texts.filter((text, index) => {
    const { values, told } = askUs(text)
    if (told === 0) expect(values, `SEED=${random.seed} ${JSON.stringify(text)}`).toEqual(bash[index])
    return told === 0
  })
  expect(compared.length).toBeGreaterThan(500)
})

test('a text of a megabyte is read at once, however it is broken', () => {
  for (const piece of [
    'A="',
    "A='x'\n",
    'A=$B',
    'a b\n',
    '((',
    '$(',
    '\\',
    'A=1 ',
    '~:',
    ' #\n',
    'x $(',
    'x "$(',
    'A=1|\n',
  ])
    expect(parseAssignments(piece.repeat(Math.ceil(1_000_000 / piece.length)))).toBeDefined()
})
