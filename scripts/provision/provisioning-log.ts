/**
 * The log of provisioning: a file for the portal, a clean copy, and our stdout or stderr. Scripts write to a real pipe, so that
 * `/dev/stdout` can be opened; its reader is a process of its own that takes secrets out, and goes on for as long as something
 * that a script has left behind writes. Source: contract 8.8, 14 (29, 35)
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { Env } from '../../programs/common/environment-file.ts'
import { paths } from '../../programs/common/paths.ts'
import { maskSecrets } from '../../programs/common/secrets.ts'

export interface ProvisioningLog {
  /** For the stdout and stderr of scripts. */
  readonly descriptor: number
  /** One line, with the time. */
  say(level: 'INFO' | 'WARNING' | 'ERROR', text: string): void
  /** Resolves when what has been said is out. */
  close(): Promise<void>
}

const LOG_TEE = '/usr/local/bin/log-tee'
/** What is in the pipe when its last writer ends takes no longer; for writers that stay, nobody waits. */
const DRAIN_MS = 2000

/** Never throws: without a place for the pipe, all goes to `output` as it is. */
export function openProvisioningLog(file: string, output: 1 | 2): ProvisioningLog {
  const lines = (descriptor: number): Pick<ProvisioningLog, 'descriptor' | 'say'> => ({
    descriptor,
    say: (level, text) => writeSync(descriptor, `${timestamp(new Date())} [${level}] ${text}\n`),
  })
  try {
    mkdirSync(dirname(file), { recursive: true })
    const { reader, writer } = openPipe()
    const copier = spawn(`${paths.tools}/provisioner`, ['--log', file], { stdio: [reader, output, 2] })
    closeSync(reader)
    const copied = new Promise<void>(done => copier.once('exit', () => done()).once('error', () => done()))
    const close = async (): Promise<void> => {
      closeSync(writer)
      await Promise.race([copied, new Promise(late => setTimeout(late, DRAIN_MS))])
    }
    return { ...lines(writer), close }
  } catch (error) {
    const plain = lines(output)
    plain.say('WARNING', `there will be no ${file}: ${(error as Error).message}`)
    return { ...plain, close: () => Promise.resolve() }
  }
}

/** `2026-11-21 12:00:00`, in the zone of the instance */
function timestamp(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`
}

/** Node itself makes sockets only. */
function openPipe(): { readonly reader: number; readonly writer: number } {
  const path = `${paths.run}/provisioning.${process.pid}`
  mkdirSync(paths.run, { recursive: true })
  const { status, stderr, error } = spawnSync('mkfifo', ['--mode=600', path], { encoding: 'utf8' })
  if (status !== 0) throw new Error(error?.message ?? stderr.trim())
  try {
    const both = openSync(path, constants.O_RDWR) // does not wait for the other end
    const ends = { reader: openSync(path, constants.O_RDONLY), writer: openSync(path, constants.O_WRONLY) }
    closeSync(both)
    return ends
  } finally {
    rmSync(path)
  }
}

/** Progress without a line's end is shown after this long. */
const FLUSH_MS = 200

/** `provisioner --log FILE`: stdin to the log and to stdout, until nobody can write to it any more. */
export async function copyMasked(file: string, env: Env): Promise<number> {
  // what scripts say while they are stopped is still logged
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  const out = openOutput(file)
  const mask = maskSecrets(env)
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let timer: NodeJS.Timeout | undefined
  const flush = (): Promise<void> => {
    const text = mask(pending)
    pending = ''
    return out.write(text)
  }
  for await (const chunk of createReadStream('', { fd: 0 })) {
    clearTimeout(timer)
    pending += decoder.write(chunk)
    // a secret has no line's end in it, and may be cut anywhere else
    const whole = Math.max(pending.lastIndexOf('\n'), pending.lastIndexOf('\r')) + 1
    const text = mask(pending.slice(0, whole))
    pending = pending.slice(whole)
    await out.write(text)
    if (pending.length > LONGEST_LINE) await flush()
    timer = setTimeout(flush, FLUSH_MS)
  }
  clearTimeout(timer)
  pending += decoder.end()
  await flush()
  await out.end()
  return 0
}

const LONGEST_LINE = 64 * 1024

interface Output {
  /** Resolves when there is room for more. */
  write(text: string): Promise<void>
  /** Resolves when all is written. */
  end(): Promise<void>
}

/** By log-tee, which knows the renderings; without it, the file and stdout get the text as it is. */
function openOutput(file: string): Output {
  if (!existsSync(LOG_TEE)) return plainOutput(file)
  const tee = spawn(LOG_TEE, [file], { stdio: ['pipe', 'inherit', 'inherit'] })
  const input = tee.stdin!
  const ended = new Promise<void>(done => tee.once('exit', () => done()).once('error', () => done()))
  const room = (): Promise<unknown> => Promise.race([new Promise(done => input.once('drain', done)), ended])
  input.on('error', () => {})
  return {
    write: async text => {
      if (text !== '' && !input.write(text)) await room()
    },
    end: () => {
      input.end()
      return ended
    },
  }
}

function plainOutput(file: string): Output {
  const attempt = (write: () => void): void => {
    try {
      write()
    } catch {} // a full disk, or nobody who listens
  }
  return {
    write: async text => {
      attempt(() => appendFileSync(file, text))
      attempt(() => void writeSync(1, text))
    },
    end: () => Promise.resolve(),
  }
}
