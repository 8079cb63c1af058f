import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { examinePair, readHttpsDecision } from '../../../../programs/common/certificates.ts'
import { expiredPair } from '../../../support/vendors.ts'

const directory = mkdtempSync(join(tmpdir(), 'bosun-certificates-'))
afterAll(() => rmSync(directory, { recursive: true }))

const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

test('a pair is judged by its dates last; one that is not valid yet is usable', () => {
  const pair = expiredPair()
  const [certificate, key] = [file('crt', pair.certificate), file('key', pair.key)]
  const judged = (date: string) => examinePair(certificate, key, Date.parse(date))
  expect(judged('2019-01-01')).toEqual({ state: 'usable', reason: '' })
  expect(judged('2020-03-01')).toEqual({ state: 'usable', reason: '' })
  expect(judged('2021-01-01')).toEqual({ state: 'expired', reason: `${certificate} has expired (key still matches)` })
  expect(examinePair(certificate, certificate)).toMatchObject({ state: 'unusable' })
})

test('a decision that is not there, or half there, is none', () => {
  expect(readHttpsDecision(join(directory, 'none'))).toBeUndefined()
  expect(readHttpsDecision(file('half', '{"served":tr'))).toBeUndefined()
  expect(readHttpsDecision(file('other', '{"served":"yes"}'))).toBeUndefined()
  expect(readHttpsDecision(file('good', '{"served":false,"reason":"x"}'))).toEqual({ served: false, reason: 'x' })
})
