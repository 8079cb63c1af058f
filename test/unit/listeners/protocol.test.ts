import { describe, expect, test } from 'vitest'
import {
  busy,
  type ListenerState,
  LONGEST_LINE,
  type Outcome,
  receive,
  started,
} from '../../../supervisor/listeners/protocol.ts'

const ready: ListenerState = { name: 'READY' }
const bytes = (text: string) => Buffer.from(text, 'latin1')

function say(state: ListenerState, ...pieces: string[]): { state: ListenerState; outcomes: string[] } {
  const outcomes: Outcome[] = []
  for (const piece of pieces) {
    const received = receive(state, bytes(piece))
    state = received.state
    outcomes.push(...received.outcomes)
  }
  return { state, outcomes: outcomes.map(show) }
}

const show = (outcome: Outcome): string =>
  outcome.type === 'badResultLine'
    ? `bad: ${outcome.line}`
    : outcome.type === 'violated'
      ? `violated from ${outcome.from}`
      : outcome.type

interface Case {
  readonly from: ListenerState
  readonly said: string
  readonly outcomes: readonly string[]
  readonly state: ListenerState['name']
}

const cases: Record<string, Case> = {
  'READY makes it ready': { from: started, said: 'READY\n', outcomes: ['ready'], state: 'READY' },
  'fewer than six bytes are waited for, whatever they are': {
    from: started,
    said: 'hello',
    outcomes: [],
    state: 'ACKNOWLEDGED',
  },
  'anything else at the start is a violation': {
    from: started,
    said: 'hello there\n',
    outcomes: ['violated from ACKNOWLEDGED'],
    state: 'UNKNOWN',
  },
  'READY with another line end is a violation': {
    from: started,
    said: 'READY\r\n',
    outcomes: ['violated from ACKNOWLEDGED'],
    state: 'UNKNOWN',
  },
  'output while READY is a violation, in the same piece as well': {
    from: started,
    said: 'READY\n\n',
    outcomes: ['ready', 'violated from READY'],
    state: 'UNKNOWN',
  },
  'READY twice is a violation': {
    from: ready,
    said: 'READY\n',
    outcomes: ['violated from READY'],
    state: 'UNKNOWN',
  },
  'OK is processed': { from: busy, said: 'RESULT 2\nOK', outcomes: ['processed'], state: 'ACKNOWLEDGED' },
  'result and READY in one write': {
    from: busy,
    said: 'RESULT 2\nOKREADY\n',
    outcomes: ['processed', 'ready'],
    state: 'READY',
  },
  'FAIL is rejected': { from: busy, said: 'RESULT 4\nFAIL', outcomes: ['rejected'], state: 'ACKNOWLEDGED' },
  'any other result of two bytes is rejected': {
    from: busy,
    said: 'RESULT 2\nok',
    outcomes: ['rejected'],
    state: 'ACKNOWLEDGED',
  },
  'a longer result that begins with OK is rejected': {
    from: busy,
    said: 'RESULT 10\nOKOKOKOKOKREADY\n',
    outcomes: ['rejected', 'ready'],
    state: 'READY',
  },
  'a shorter result is rejected': {
    from: busy,
    said: 'RESULT 1\nOREADY\n',
    outcomes: ['rejected', 'ready'],
    state: 'READY',
  },
  'an empty result is rejected': {
    from: busy,
    said: 'RESULT 0\nREADY\n',
    outcomes: ['rejected', 'ready'],
    state: 'READY',
  },
  'the word before the number is not looked at': {
    from: busy,
    said: 'FOO BAR 1_0\nOKOKOKOKOK',
    outcomes: ['rejected'],
    state: 'ACKNOWLEDGED',
  },
  'the number may have blanks and a sign': {
    from: busy,
    said: 'RESULT  +2 \r\nOK',
    outcomes: ['processed'],
    state: 'ACKNOWLEDGED',
  },
  'a line without a number is bad': {
    from: busy,
    said: 'RESULT what\nREADY\n',
    outcomes: ['bad: RESULT what'],
    state: 'UNKNOWN',
  },
  'a line that ends before the number is bad': {
    from: busy,
    said: 'OK 2\n',
    outcomes: ['bad: OK 2'],
    state: 'UNKNOWN',
  },
  'READY instead of a result is a bad line': {
    from: busy,
    said: 'READY\n',
    outcomes: ['bad: READY'],
    state: 'UNKNOWN',
  },
  'a decimal is a bad line': { from: busy, said: 'RESULT 2.0\nOK', outcomes: ['bad: RESULT 2.0'], state: 'UNKNOWN' },
  'a negative length is a bad line': {
    from: busy,
    said: 'RESULT -1\nOKOK',
    outcomes: ['bad: RESULT -1'],
    state: 'UNKNOWN',
  },
  'a bad line is quoted as text if it is text': {
    from: busy,
    said: 'RESULT \xc3\xa9\n',
    outcomes: ['bad: RESULT é'],
    state: 'UNKNOWN',
  },
  'a bad line that is no text is quoted as bytes': {
    from: busy,
    said: "RESULT it's \xff\xe9 x\n",
    outcomes: [`bad: Undecodable: b"RESULT it's \\xff\\xe9 x"`],
    state: 'UNKNOWN',
  },
  'what UNKNOWN says is discarded': { from: { name: 'UNKNOWN' }, said: 'READY\n', outcomes: [], state: 'UNKNOWN' },
}

describe.each(Object.entries(cases))('%s', (_name, { from, said, outcomes, state }) => {
  test('in one piece', () => {
    const heard = say(from, said)
    expect([heard.state.name, heard.outcomes]).toEqual([state, outcomes])
  })

  test('byte by byte', () => {
    expect(say(from, ...said)).toEqual(say(from, said))
  })

  test('in every two pieces, and every three', () => {
    const whole = say(from, said)
    for (let one = 0; one <= said.length; one++) {
      for (let two = one; two <= said.length; two++) {
        const pieces = [said.slice(0, one), said.slice(one, two), said.slice(two)]
        expect(say(from, ...pieces), JSON.stringify(pieces)).toEqual(whole)
      }
    }
  })
})

describe('memory', () => {
  test('a line that never ends is a bad line', () => {
    const { state, outcomes } = say(busy, 'x'.repeat(LONGEST_LINE - 1))
    expect([state.name, outcomes]).toEqual(['BUSY', []])
    const more = say(state, 'x')
    expect([more.state.name, more.outcomes]).toEqual(['UNKNOWN', [`bad: ${'x'.repeat(LONGEST_LINE)}`]])
  })

  test.each([LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1])(
    'a line of %i bytes is the same in any pieces',
    length => {
      const said = `${'RESULT 2'.padEnd(length)}\nOK`
      const whole = say(busy, said)
      expect(whole.outcomes[0] === 'processed').toBe(length < LONGEST_LINE)
      expect(say(busy, ...said)).toEqual(whole)
      for (const at of [1, length - 1, length, length + 1])
        expect(say(busy, said.slice(0, at), said.slice(at))).toEqual(whole)
    },
  )

  test('a huge result is counted, not kept', () => {
    const { state } = say(busy, 'RESULT 1000000000\n', 'y'.repeat(100_000), 'y'.repeat(100_000))
    expect(state).toEqual({ name: 'BUSY', line: null, left: 999_800_000, result: 'yyy' })
  })

  test('a result without an end in sight is waited for', () => {
    expect(say(busy, `RESULT ${'9'.repeat(400)}\n`, 'OK').state.name).toBe('BUSY')
  })
})
