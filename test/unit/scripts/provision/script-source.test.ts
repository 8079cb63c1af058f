import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mendScript, nameOfSource, pathOfSource, readScript } from '../../../../scripts/provision/script-source.ts'

async function withServer<T>(answer: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(answer)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const mend = (text: string): string => mendScript(Buffer.from(text), 'x')

test('a script is mended: line ends, byte order mark, a first line that somebody can run', () => {
  expect(mend('#!/bin/sh\r\necho a\r\n')).toBe('#!/bin/sh\necho a\n')
  expect(mend('\uFEFF#!/bin/sh\n')).toBe('#!/bin/sh\n')
  expect(mend('echo a\n')).toBe('#!/bin/bash\necho a\n')
  expect(mend('#!/bin/false\necho a\n')).toBe('#!/bin/bash\necho a\n')
  expect(mend('#!/usr/bin/env python3\n')).toBe('#!/usr/bin/env python3\n')
})

test.each([
  ['', /is empty/],
  [' \n', /is empty/],
  ['<!DOCTYPE html><html>', /is a page/],
  ['\n  <html>', /is a page/],
  ['#!/bin/sh\0', /is no text/],
])('what is no script is refused: %j', (text, message) => expect(() => mend(text)).toThrow(message))

test('names for logs have no secrets', () => {
  expect(nameOfSource('https://me:pw@host:8443/a.sh?token=x#y')).toBe('https://host:8443/a.sh')
  expect(nameOfSource('/root/a b.sh')).toBe('/root/a b.sh')
})

test('paths and addresses are told apart', () => {
  expect(pathOfSource('/a.sh')).toBe('/a.sh')
  expect(pathOfSource('file:///a%20b.sh')).toBe('/a b.sh')
  expect(pathOfSource('HTTPS://host/a.sh')).toBeUndefined()
})

test('redirects are followed, credentials of the address go along as a header', () =>
  withServer(
    (request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end()
      else response.end(`echo ${request.headers.authorization}\n`)
    },
    async url => {
      const text = await readScript(`${url.replace('://', '://me:p%40ss@')}/old`)
      expect(text).toBe(`#!/bin/bash\necho Basic ${Buffer.from('me:p@ss').toString('base64')}\n`)
    },
  ))

test('an error page is no script, and is not asked for again', () => {
  let asked = 0
  return withServer(
    (_, response) => {
      asked++
      response.writeHead(404).end('#!/bin/sh\nrm -rf /\n')
    },
    async url => {
      await expect(readScript(`${url}/a.sh?token=secret`)).rejects.toThrow(
        /^cannot fetch http:\/\/127.0.0.1:\d+\/a.sh: HTTP status 404$/,
      )
      expect(asked).toBe(1)
    },
  )
})

test('what may pass is tried again', () => {
  let asked = 0
  const said: string[] = []
  return withServer(
    (_, response) => (asked++ === 0 ? response.writeHead(503).end() : response.end('echo a\n')),
    async url => {
      expect(await readScript(url, { say: line => said.push(line) })).toContain('echo a')
      expect(said).toEqual([expect.stringMatching(/HTTP status 503; again in 2 s/)])
    },
  )
})

test('nobody listens: the reason is told, the wait can be ended', async () => {
  const controller = new AbortController()
  const said: string[] = []
  const reading = readScript('http://127.0.0.1:9/a.sh', {
    signal: controller.signal,
    say: line => {
      said.push(line)
      controller.abort()
    },
  })
  await expect(reading).rejects.toThrow()
  expect(said[0]).toMatch(/cannot fetch http:\/\/127.0.0.1:9\/a.sh: .+; again/)
})

test('a body without end is not read to its end', () =>
  withServer(
    (_, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(1024 * 1024)));
        response.once('drain', more)
      }
      more()
    },
    async url => {
      await expect(readScript(url)).rejects.toThrow('is larger than 16 MB')
    },
  ))

test('files are read where they lie; other schemes are refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-'))
  try {
    writeFileSync(join(directory, 'a.sh'), 'echo a\r\n')
    expect(await readScript(join(directory, 'a.sh'))).toBe('#!/bin/bash\necho a\n')
    expect(await readScript(`file://${directory}/a.sh`)).toBe('#!/bin/bash\necho a\n')
    await expect(readScript('/no/such.sh')).rejects.toThrow('cannot read /no/such.sh: ENOENT')
    await expect(readScript('ftp://host/a.sh')).rejects.toThrow('ftp is none of https, http, file')
  } finally {
    rmSync(directory, { recursive: true })
  }
})
