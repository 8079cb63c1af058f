/** A session against a daemon that answers from a table, and a terminal that remembers. */
import { type Client, HttpStatusError } from '../../../supervisor/client/client.ts'
import { openSession, type Session } from '../../../supervisor/ctl/session.ts'
import type { Question, Terminal } from '../../../supervisor/system/terminal.ts'
import { XmlRpcFault, type XmlRpcValue } from '../../../supervisor/xmlrpc/codec.ts'
import { type FaultName, faults } from '../../../supervisor/xmlrpc/faults.ts'

export const URL = 'unix:///run/s.sock'

/** Methods of the daemon, without `supervisor.`; a method that is not there has not been expected. */
export type Answers = Readonly<Record<string, (...params: never[]) => unknown>>

export const fault = (name: FaultName, suffix?: string): never => {
  throw new XmlRpcFault(faults[name], suffix === undefined ? name : `${name}: ${suffix}`)
}
export const unauthorized = (): never => {
  throw new HttpStatusError(401, 'Unauthorized', '/RPC2')
}
export const socketError = (code: string) => (): never => {
  throw Object.assign(new Error(`connect ${code}`), { code })
}

export const info = (namespec: string, statename = 'RUNNING', description = 'pid 12, uptime 0:00:01', pid = 12) => {
  const [group, name = group] = namespec.split(':')
  return { group, name, statename, description, pid }
}

export interface Given {
  readonly session: Session
  /** everything on stdout since the last call */
  out(): string
  errors(): string
  /** calls other than getVersion: `startProcess("web")` */
  readonly calls: string[]
  /** what `openClient` got */
  readonly opened: { readonly url: string; readonly credentials: unknown }[]
  readonly questions: { readonly prompt: string; readonly question: Question }[]
  interrupt(): void
  /** streams that are followed: path → write */
  readonly followed: Map<string, { write(text: string): void; end(error?: Error): void; readonly stopped: boolean }>
  readonly terminal: Terminal
}

export interface Options {
  readonly interactive?: boolean
  /** lines typed, null for the end of input; a question without any is never answered */
  readonly typed?: (string | null)[]
  readonly person?: boolean
}

export function given(answers: Answers, { interactive = false, typed = [], person = false }: Options = {}): Given {
  let out = ''
  let errors = ''
  const calls: string[] = []
  const opened: Given['opened'] = []
  const questions: Given['questions'] = []
  const followed: Given['followed'] = new Map()
  const interrupts: (() => void)[] = []
  const known: Answers = { getVersion: () => '3.0', ...answers }

  const ask = (prompt: string, question: Question = {}): Promise<string | null> => {
    questions.push({ prompt, question })
    out += prompt
    const next = typed.shift()
    if (next !== undefined) return Promise.resolve(next)
    return new Promise(resolve => question.abort?.addEventListener('abort', () => resolve(null)))
  }
  const terminal: Terminal = {
    write: data => {
      out += typeof data === 'string' ? data : Buffer.from(data).toString()
    },
    writeError: text => {
      errors += text
    },
    errorsAreSeen: () => person,
    ask,
    askSecret: prompt => ask(prompt),
    onInterrupt(handler) {
      interrupts.push(handler)
      return () => void interrupts.splice(interrupts.indexOf(handler), 1)
    },
    exit: status => {
      throw new Error(`exit ${status}`)
    },
  }

  const openClient = (url: string, credentials: unknown): Client => {
    opened.push({ url, credentials })
    const call = async (method: string, ...params: XmlRpcValue[]) => {
      const name = method.replace('supervisor.', '')
      if (name !== 'getVersion') calls.push(`${name}(${params.map(param => JSON.stringify(param)).join(', ')})`)
      const answer = known[name]
      if (!answer) throw new Error(`unexpected call of ${name}`)
      return (await answer(...(params as never[]))) as XmlRpcValue
    }
    return {
      url,
      call,
      supervisor: new Proxy({} as Client['supervisor'], {
        get:
          (_, name) =>
          (...params: XmlRpcValue[]) =>
            call(`supervisor.${String(name)}`, ...params),
      }),
      follow(path, write) {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        const stream = {
          write: (text: string) => write(Buffer.from(text)),
          end: (error?: Error) => (error ? reject(error) : resolve()),
          stopped: false,
        }
        followed.set(path, stream)
        return {
          ended: promise,
          stop() {
            stream.stopped = true
            resolve()
          },
        }
      },
      close() {},
    }
  }

  return {
    session: openSession({
      url: URL,
      credentials: null,
      interactive,
      program: '/bin/supervisorctl',
      terminal,
      openClient,
      hint: () => 'hint: do something',
    }),
    out() {
      const text = out
      out = ''
      return text
    },
    errors: () => errors,
    calls,
    opened,
    questions,
    interrupt: () => interrupts.at(-1)?.(),
    followed,
    terminal,
  }
}

/** A line, its exit status and its stdout. */
export async function says(answers: Answers, line: string): Promise<[unknown, string]> {
  const { session, out } = given(answers)
  return [await session.run(line), out()]
}

/** Until everything that is ready to go on has gone on. */
export const settled = () => new Promise<void>(resolve => setImmediate(resolve))
