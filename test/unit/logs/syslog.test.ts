import { expect, test } from 'vitest'
import { sendLines } from '../../../supervisor/logs/syslog.ts'

function sent(chunk: string): string[] {
  const lines: string[] = []
  sendLines(
    { send: (priority, tag, text) => void lines.push(`<${priority}>${tag}: ${text}`), close() {} },
    'x',
    Buffer.from(chunk),
  )
  return lines
}

test.each([
  ['a\n\nbé\n\n', ['a', '', 'bé']],
  ['one', ['one']],
  ['one\ntwo', ['one', 'two']],
  ['\n\nq\n', ['', '', 'q']],
  ['\n\n', ['']],
])('%j goes line by line with the name before it', (chunk, lines) => {
  expect(sent(chunk)).toEqual(lines.map(line => `<14>supervisord: x ${line}`))
})
