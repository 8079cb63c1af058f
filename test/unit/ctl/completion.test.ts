import { expect, test } from 'vitest'
import { complete } from '../../../supervisor/ctl/completion.ts'
import { info } from './given.ts'

const known = { processes: [info('a-b'), info('off'), info('one'), info('team:m0'), info('team:m1')] }
const offers = (text: string) => {
  const [candidates, word] = complete(text, known as never)
  return [candidates.join(''), word]
}

// Source: contract 9.6, and the original's shell
test.each([
  ['st', 'start status stop ', 'st'],
  ['  sta', 'start status ', 'sta'],
  ['?sta', 'start status ', 'sta'],
  ['? sta', '', 'sta'],
  ['help ver', 'version ', 'ver'],
  ['help status s', 'shutdown signal start status stop ', 's'],
  ['status ', 'a-b off one team:* team:m0 team:m1 ', ''],
  ['status te', 'team:* team:m0 team:m1 ', 'te'],
  ['status team:m', 'team:m0 team:m1 ', 'team:m'],
  ['status one:', 'one:* one:one ', 'one:'],
  ['status a-', 'a-b ', 'a-'],
  ['status :', '', ':'],
  ['status one of', 'off ', 'of'],
  ['signal HUP on', 'one ', 'on'],
  ['tail -1 of', 'off ', 'of'],
  ['tail -f one st', '', 'st'],
  ['add ', 'a-b off one team ', ''],
  ['update te', 'team ', 'te'],
  ['add team:', '', 'team:'],
  ['version ', '', ''],
  ['foo ', '', ''],
])('%j offers %j for %j', (text, candidates, word) => {
  expect(offers(text)).toEqual([candidates, word])
})

test('an empty line offers every command, help too', () => {
  expect(offers('')[0]!.split(' ').length).toBe(22 + 1)
})
