/** What a row of THE method table (methods.ts) consists of, and how arguments become what its handler takes. */
import type { Renderable, XmlRpcValue } from '../xmlrpc/codec.ts'
import { RpcFault } from '../xmlrpc/faults.ts'
import { pythonText } from './python-text.ts'
import type { Call } from './surroundings.ts'

const wrong = (value?: string): never => {
  throw new RpcFault('INCORRECT_PARAMETERS', value)
}

/**
 * Kinds of parameters: what clients are told, and what is accepted. The original looks at no types at all and answers 500
 * where one does not fit; that is fault 2 here. Source: contract 7.4 "Parameter coercion"
 */
const kinds = {
  string: { reported: 'string', read: value => (typeof value === 'string' ? value : wrong()) },
  /** The fault shows what came instead of text. */
  chars: { reported: 'string', read: value => (typeof value === 'string' ? value : wrong(pythonText(value))) },
  /** Anything, as Python writes it. */
  text: { reported: 'string', read: pythonText },
  /** As Python's int() takes it: `7`, `1.5`, `true`, `" 1_000 "`. */
  int: {
    reported: 'int',
    read(value) {
      if (typeof value === 'number') return Math.trunc(value)
      if (typeof value === 'boolean') return Number(value)
      return typeof value === 'string' && /^\s*[+-]?\d+(_\d+)*\s*$/.test(value)
        ? Number(value.replaceAll('_', ''))
        : wrong()
    },
  },
  /** By truth, not by type: 0, nil, '' and what is empty are false; the string "0" is true. */
  boolean: {
    reported: 'boolean',
    read: value => (typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)),
  },
  array: { reported: 'array', read: value => (Array.isArray(value) ? (value as readonly XmlRpcValue[]) : wrong()) },
} as const satisfies Record<string, { reported: string; read: (value: XmlRpcValue) => unknown }>

type Kinds = typeof kinds

export interface Param {
  readonly name: string
  readonly type: keyof Kinds
  readonly doc: string
  /** Absent: the parameter must be given. */
  readonly default?: boolean
}

type Arguments<Params extends readonly Param[]> = {
  [Index in keyof Params]: ReturnType<Kinds[Params[Index]['type']]['read']>
}

export type ResultType = 'string' | 'int' | 'boolean' | 'struct' | 'array'

export interface Method {
  readonly doc: string
  readonly params: readonly Param[]
  readonly returns: ResultType
  /** What the result is, in a few words. */
  readonly result: string
  /** Answered with fault SHUTDOWN_STATE once the daemon has begun to stop. */
  readonly refusedInShutdown: boolean
  /** Arguments in, answer out; what waits is a promise. @throws RpcFault */
  invoke(call: Call, values: readonly XmlRpcValue[]): Renderable | Promise<Renderable>
}

/** A row of the table; the types of what `run` takes follow from `params`. */
export function method<const Params extends readonly Param[]>(row: {
  readonly doc: string
  readonly params: Params
  readonly returns: readonly [type: ResultType, doc: string]
  readonly duringShutdown?: true
  readonly run: (call: Call, ...args: Arguments<Params>) => Renderable | Promise<Renderable>
}): Method {
  const { doc, params, run } = row
  return {
    doc,
    params,
    returns: row.returns[0],
    result: row.returns[1],
    refusedInShutdown: row.duringShutdown !== true,
    invoke: (call, values) =>
      run(
        call,
        ...(params.map(({ type, default: absent }, index) => {
          const value = values[index]
          return value === undefined ? absent : kinds[type].read(value)
        }) as Arguments<Params>),
      ),
  }
}

export const takes = ({ params }: Method, count: number): boolean =>
  count <= params.length && count >= params.filter(param => param.default === undefined).length

/** `["boolean", "string", "boolean"]`: the result, then the parameters. Source: contract 8.7 */
export const signatureOf = ({ returns, params }: Method): readonly string[] => [
  returns,
  ...params.map(({ type }) => kinds[type].reported),
]

/** The text of `system.methodHelp`: a sentence, `@param` lines, a `@return` line. Source: contract 8.7 */
export const helpOf = ({ doc, params, returns, result }: Method): string =>
  [
    `${doc}\n`,
    ...params.map(param => `@param ${kinds[param.type].reported} ${param.name}  ${param.doc}`),
    `@return ${returns} result  ${result}`,
  ].join('\n')
