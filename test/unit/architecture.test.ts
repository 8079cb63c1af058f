import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const repository = resolve(import.meta.dirname, '../..')
const root = join(repository, 'supervisor')
const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
const files = filesIn(root)

/** Arrows of CONTRIBUTING.md: a folder may import these, and itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  system: [],
  config: ['system'],
  xmlrpc: [],
  // daemon/api.ts holds interfaces only: whoever is looked after by the daemon may name its types
  process: ['config', 'system', 'daemon'],
  listeners: ['process', 'config', 'system', 'daemon'],
  logs: ['config', 'system', 'daemon'],
  daemon: ['process', 'listeners', 'logs', 'config', 'system'],
  rpc: ['daemon', 'process', 'logs', 'config', 'system', 'xmlrpc'],
  http: ['rpc', 'daemon', 'process', 'logs', 'config', 'system', 'xmlrpc'],
  // the names and sets of states are the same on both sides of the socket
  client: ['xmlrpc', 'system', 'process'],
  ctl: ['client', 'xmlrpc', 'config', 'system', 'process'],
}

const folderOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : '')

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

const importsOf = (directory: string, file: string): Import[] =>
  [
    ...readFileSync(join(directory, file), 'utf8').matchAll(
      /^\s*(?:import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)/gm,
    ),
  ].map(match => ({ file, target: (match[2] ?? match[3])!, typeOnly: match[1] !== undefined }))

const imports: readonly Import[] = files.flatMap(file => importsOf(root, file))

const resolved = ({ file, target }: Import): string => relative(root, resolve(root, file, '..', target))

test('imports point one way', () => {
  const wrong = imports
    .filter(({ target }) => target.startsWith('.'))
    .filter(each => {
      const [from, to] = [folderOf(each.file), folderOf(resolved(each))]
      if (from === '' || from === to) return false
      if (to === 'daemon' && from !== 'rpc' && from !== 'http')
        return resolved(each) !== 'daemon/api.ts' || !each.typeOnly
      return !allowed[from]?.includes(to)
    })
  expect(wrong).toEqual([])
})

test('the supervisor imports nothing outside itself but Node and koffi', () => {
  const outside = imports.filter(each =>
    each.target.startsWith('.') ? resolved(each).startsWith('..') : !/^(node:|koffi$)/.test(each.target),
  )
  expect(outside).toEqual([])
})

test('only system/ touches files, processes and koffi', () => {
  const machine = ['node:fs', 'node:fs/promises', 'node:child_process', 'node:worker_threads', 'koffi']
  const wrong = imports.filter(({ file, target }) => machine.includes(target) && folderOf(file) !== 'system')
  expect(wrong).toEqual([])
})

test('the daemon never touches process.stdout or process.stderr: that makes shared pipes non-blocking', () => {
  // supervisorctl at a terminal needs them for line editing
  const wrong = files.filter(
    file =>
      file !== 'system/terminal.ts' && /\bprocess\.(stdout|stderr)\b/.test(readFileSync(join(root, file), 'utf8')),
  )
  expect(wrong).toEqual([])
})

/** What the instance layer may know of the supervisor: how to talk to it over its socket, as any outsider. */
const seenOfSupervisor = /^supervisor\/(client|xmlrpc|system)\/|^supervisor\/process\/states\.ts$/

/** `programs/caddy/main.ts` → `programs/caddy` */
const partOf = (path: string): string => path.split('/').slice(0, 2).join('/')

test('the parts of the instance layer know common facts and gates, the supervisor by its socket, and not each other', () => {
  const layer = ['programs', 'scripts'].flatMap(top => filesIn(join(repository, top)).map(name => `${top}/${name}`))
  const wrong = layer
    .filter(file => !/^scripts\/(dev|bench)\//.test(file))
    .flatMap(file => importsOf(repository, file))
    .filter(({ target }) => target.startsWith('.'))
    .map(({ file, target }) => ({ file, target: relative(repository, resolve(repository, file, '..', target)) }))
    .filter(
      ({ file, target }) =>
        partOf(file) !== partOf(target) &&
        !(file.startsWith('scripts/') && target.startsWith('scripts/')) &&
        !/^programs\/(common|gates)\//.test(target) &&
        !seenOfSupervisor.test(target),
    )
  expect(wrong).toEqual([])
})
