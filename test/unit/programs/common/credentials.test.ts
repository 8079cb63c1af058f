import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readCredentials, readSessionKey } from '../../../../programs/common/credentials.ts'
import { readSettings } from '../../../../programs/common/settings.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'credentials-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const read = (env: Readonly<Record<string, string>>) => readCredentials(readSettings(env, false).settings, directory)

test('both are set', () => {
  expect(read({ WEB_USERNAME: 'me', WEB_PASSWORD: 'p w', OPEN_BUTTON_TOKEN: 't' })).toEqual({
    credentials: { username: 'me', password: 'p w', token: 't' },
    madeUp: undefined,
    problems: [],
  })
})

test('one that is missing is the other', () => {
  expect(read({ WEB_PASSWORD: 'p w' }).credentials).toEqual({ username: 'vastai', password: 'p w', token: 'p w' })
  expect(read({ OPEN_BUTTON_TOKEN: 't-1' }).credentials).toMatchObject({ password: 't-1', token: 't-1' })
})

test('line ends and semicolons are taken out', () => {
  expect(read({ WEB_PASSWORD: 'a;b\r\nc' }).credentials.password).toBe('abc')
})

test.each([
  {},
  { WEB_PASSWORD: ';' },
  { WEB_PASSWORD: '\r\n', OPEN_BUTTON_TOKEN: ';;' },
  { WEB_PASSWORD: 'password' },
  { OPEN_BUTTON_TOKEN: '1' },
  { WEB_PASSWORD: 'Admin', OPEN_BUTTON_TOKEN: '1' },
])('nothing that counts is left of %j: one is made up, kept, and readable by root alone', env => {
  const { credentials, madeUp, problems } = read(env as Record<string, string>)
  expect(credentials.password).toMatch(/^[\w-]{24}$/)
  expect(credentials.token).toBe(credentials.password)
  expect(madeUp).toBe(join(directory, 'secret'))
  expect(readFileSync(madeUp!, 'utf8')).toBe(`${credentials.password}\n`)
  expect(statSync(madeUp!).mode & 0o777).toBe(0o600)
  expect(read(env as Record<string, string>).credentials).toEqual(credentials)
  expect(JSON.stringify(problems)).not.toContain(credentials.password)
})

test('a secret that everybody knows is told', () => {
  expect(read({ WEB_PASSWORD: 'password', OPEN_BUTTON_TOKEN: 'long enough' })).toMatchObject({
    credentials: { password: 'long enough', token: 'long enough' },
    problems: [{ where: 'WEB_PASSWORD' }],
  })
})

test('where nothing can be kept, one lasts for this run, and that is told', () => {
  const { credentials, problems } = readCredentials(readSettings({}, false).settings, '/dev/null/none')
  expect(credentials.password).toMatch(/^[\w-]{24}$/)
  expect(problems).toMatchObject([{ where: '/dev/null/none/secret' }])
})

test('the key stays the same; what is no key is made anew', () => {
  const { key } = readSessionKey(directory)
  expect(key).toHaveLength(32)
  expect(readSessionKey(directory).key).toEqual(key)
  writeFileSync(join(directory, 'session-key'), '\n')
  expect(readSessionKey(directory).key).not.toEqual(key)
  expect(statSync(join(directory, 'session-key')).mode & 0o777).toBe(0o600)
})
