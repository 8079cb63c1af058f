import { expect, test } from 'vitest'
import { joinUri, queryValues, splitUri, withoutValues } from '../../../programs/caddy/query.ts'
import { openRandom } from '../../support/random.ts'

test.each([
  ['/', '/', ''],
  ['/?', '/', ''],
  ['/a?b=1&c', '/a', 'b=1&c'],
  ['/a?b?c', '/a', 'b?c'],
])('%s', (uri, path, query) => expect(splitUri(uri)).toEqual([path, query]))

test('values are read as people paste them and as forms send them', () => {
  expect(queryValues('token=a%2Bb', 'token')).toContain('a+b')
  expect(queryValues('token=a+b', 'token')).toEqual(['a+b', 'a b'])
  expect(queryValues('%74oken=a', 'token')).toContain('a')
  expect(queryValues('token=%zz', 'token')).toEqual(['%zz'])
  expect(queryValues('token', 'token')).toEqual([''])
  expect(queryValues('x=token', 'token')).toEqual([])
})

test('what is not taken out stays byte by byte', () => {
  const { pick, below, many, seed } = openRandom()
  const parts = ['a=1', 'b', '', 'c=%7B%zz', 'd=a+b', 'token=theirs', 'é=ü', 'e=f=g', '?', ';x=1']
  for (let round = 0; round < 500; round++) {
    const query = many(below(6), () => pick(parts))
    const at = below(query.length + 1)
    const withOurs = query.toSpliced(at, 0, 'token=o%75rs')
    expect(
      withoutValues(withOurs.join('&'), 'token', value => value === 'ours'),
      `seed ${seed}`,
    ).toBe(query.join('&'))
  }
})

test('a path and its query are put together again', () => {
  for (const uri of ['/', '/a?b=1', '/a?b?c']) expect(joinUri(...splitUri(uri))).toBe(uri)
})
