/**
 * The standard streams of a command that people and scripts call. Output is written at once and completely, by write(2):
 * `process.stdout` would cost start-up time, and turns a shared pipe non-blocking under whoever else writes to it.
 */
import { writeSync } from 'node:fs'
import type { LineEditor } from './line-editor.ts'
import type { Cancel } from './system.ts'

export interface Question {
  /** Without keys for editing: for lines typed to another program, whose own output stands on the same screen. */
  readonly plain?: true
  /** Of a plain question: stops waiting, answers null; what is typed later is for the next question. */
  readonly abort?: AbortSignal
  /** For the tab key: what the text may become, and the part of it that they replace. Never rejects. */
  readonly complete?: (text: string) => Promise<readonly [candidates: readonly string[], word: string]>
  /** Earlier answers, the latest first; the new one is put in front. */
  readonly history?: string[]
}

export interface Terminal {
  /** To stdout. When its reader is gone, the process ends as by SIGPIPE. */
  write(data: string | Uint8Array): void
  /** To stderr; what cannot be written is lost. */
  writeError(text: string): void
  /** Whether a person reads stderr. */
  errorsAreSeen(): boolean
  /** Prints the question; the next line of stdin without its newline, null at the end of input. */
  ask(prompt: string, question?: Question): Promise<string | null>
  /** The same; what is typed at a terminal is not shown. */
  askSecret(prompt: string): Promise<string | null>
  /** Calls `handler` at Ctrl-C, instead of the one given before, until cancelled. Without one Ctrl-C ends the process. */
  onInterrupt(handler: () => void): Cancel
  /** Ends the process at once. */
  exit(status: number): never
}

const STDOUT = 1
const STDERR = 2
const SIGPIPE_STATUS = 128 + 13

export function openTerminal(): Terminal {
  const interrupts: (() => void)[] = []
  const interrupted = () => {
    const handler = interrupts.at(-1)
    if (handler) handler()
    else process.kill(process.pid, 'SIGINT') // nobody listens: the default
  }
  const lines = readLines()
  let editor: Promise<LineEditor | null> | null = null

  /** A person's terminal at both ends has an editor for its lines. */
  const theEditor = () =>
    (editor ??= import('./line-editor.ts').then(({ openLineEditor }) => openLineEditor(() => interrupted())))

  const write = (data: string | Uint8Array) => {
    if (writeAll(STDOUT, data) === 'EPIPE') process.exit(SIGPIPE_STATUS)
  }

  return {
    write,
    writeError: text => void writeAll(STDERR, text),
    errorsAreSeen: () => process.getBuiltinModule('node:tty').isatty(STDERR), // loaded by those who ask
    async ask(prompt, question = {}) {
      const withKeys = await theEditor()
      if (withKeys) return withKeys.ask(prompt, question)
      write(prompt)
      return lines.next(question.abort)
    },
    async askSecret(prompt) {
      const withKeys = await theEditor()
      if (withKeys) return withKeys.askSecret(prompt)
      write(prompt)
      const answer = await lines.next()
      if (answer !== null) write('\n')
      return answer
    },
    onInterrupt(handler) {
      if (interrupts.length === 0) process.on('SIGINT', interrupted)
      interrupts.push(handler)
      return () => {
        const at = interrupts.lastIndexOf(handler)
        if (at < 0) return
        interrupts.splice(at, 1)
        if (interrupts.length === 0) process.off('SIGINT', interrupted)
      }
    },
    exit: status => process.exit(status),
  }
}

/** Writes everything, waiting where somebody has made the descriptor non-blocking. */
function writeAll(descriptor: number, data: string | Uint8Array): 'done' | 'EPIPE' | 'failed' {
  let rest = typeof data === 'string' ? Buffer.from(data) : data
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') Atomics.wait(pause, 0, 0, RETRY_MS)
      else return code === 'EPIPE' ? 'EPIPE' : 'failed'
    }
  }
  return 'done'
}
const RETRY_MS = 5
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Lines of stdin that is a file, a pipe, or a terminal whose output goes elsewhere. Opened by the first question. */
function readLines() {
  let bytes: Buffer = Buffer.alloc(0)
  let ended = false
  let arrived = Promise.withResolvers<void>()
  let opened = false

  function open(): void {
    opened = true
    const progress = () => {
      arrived.resolve()
      arrived = Promise.withResolvers()
    }
    const end = () => {
      ended = true
      progress()
    }
    process.stdin.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more])
      process.stdin.pause() // until it is asked for
      progress()
    })
    process.stdin.on('end', end)
    process.stdin.on('error', end)
  }

  /** null when no line is complete */
  function take(): string | null {
    const end = bytes.indexOf(10)
    if (end < 0 && !(ended && bytes.length > 0)) return null
    const line = bytes.subarray(0, end < 0 ? undefined : end).toString()
    bytes = bytes.subarray(end < 0 ? bytes.length : end + 1)
    return line
  }

  return {
    async next(abort?: AbortSignal): Promise<string | null> {
      if (!opened) open()
      const aborted = new Promise<void>(resolve => abort?.addEventListener('abort', () => resolve(), { once: true }))
      while (!abort?.aborted) {
        const line = take()
        if (line !== null || ended) return line
        process.stdin.resume()
        await Promise.race([arrived.promise, aborted])
      }
      return null
    },
  }
}
