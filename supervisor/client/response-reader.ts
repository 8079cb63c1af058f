/**
 * The bytes of one HTTP/1.x answer after the other, as they arrive, to what they mean. Pure: no socket in here.
 * Understands `Content-Length`, `Transfer-Encoding: chunked` and bodies that end with the connection.
 * Source: RFC 9112; contract 7.1, 7.5
 */

export interface ResponseHead {
  readonly status: number
  /** `Not Found` */
  readonly reason: string
  /** names in lower case; of a repeated one the last */
  readonly headers: ReadonlyMap<string, string>
  /** whether another request may follow on the same connection */
  readonly keepAlive: boolean
}

/** What happens to an answer, in this order: head, data as often as some arrives, end. */
export interface ResponseSink {
  head(head: ResponseHead): void
  data(bytes: Buffer): void
  end(): void
}

/** What arrives is not HTTP, or ends in the middle. */
export class HttpProtocolError extends Error {
  override readonly name = 'HttpProtocolError'
}

export interface ResponseReader {
  /** @throws HttpProtocolError */
  feed(bytes: Buffer): void
  /** The other side has closed. @throws HttpProtocolError when something was still to come */
  finish(): void
}

/** Of a head, and of the line that opens a chunk. */
const LONGEST_HEAD = 64 * 1024
const NOTHING = Buffer.alloc(0)

export function readResponses(sink: ResponseSink): ResponseReader {
  type Step = (bytes: Buffer) => Buffer
  let rest: Buffer = NOTHING // the beginning of a line that has not ended yet
  let lines: string[] = []
  let left = 0 // bytes that the body or the chunk still has
  let step: Step = inHead

  /** Takes one line out of `bytes`; null when it has not ended yet, everything is in `rest` then. */
  function takeLine(bytes: Buffer): { line: string; after: Buffer } | null {
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes
    const end = all.indexOf(10, Math.max(0, rest.length - 1))
    if ((end < 0 ? all.length : end) > LONGEST_HEAD)
      throw new HttpProtocolError('got more than 65536 bytes in one line')
    if (end < 0) {
      rest = Buffer.from(all)
      return null
    }
    rest = NOTHING
    return { line: all.toString('latin1', 0, all[end - 1] === 13 ? end - 1 : end), after: all.subarray(end + 1) }
  }

  function inHead(bytes: Buffer): Buffer {
    const taken = takeLine(bytes)
    if (!taken) return NOTHING
    if (taken.line !== '') {
      if (lines.push(taken.line) > 256) throw new HttpProtocolError('got more than 256 headers')
    } else if (lines.length > 0) {
      const head = parseHead(lines)
      lines = []
      if (head.status >= 200) begin(head) // what is below only announces the answer
    }
    return taken.after
  }

  function begin(head: ResponseHead): void {
    sink.head(head)
    const length = head.headers.get('content-length')
    if (head.headers.get('transfer-encoding')?.toLowerCase().endsWith('chunked')) {
      step = inChunkSize
    } else if (head.status === 204 || head.status === 304) {
      end()
    } else if (length === undefined) {
      step = untilClosed
    } else {
      if (!/^\d+$/.test(length)) throw new HttpProtocolError(`bad Content-Length ${length}`)
      left = Number(length)
      step = inBody
      if (left === 0) end()
    }
  }

  function end(): void {
    step = inHead
    sink.end()
  }

  /** Hands on what belongs to the body or the chunk; returns what comes after it. */
  function pass(bytes: Buffer): Buffer {
    const own = bytes.subarray(0, left)
    left -= own.length
    if (own.length > 0) sink.data(own)
    return bytes.subarray(own.length)
  }

  function inBody(bytes: Buffer): Buffer {
    const after = pass(bytes)
    if (left === 0) end()
    return after
  }

  function inChunkSize(bytes: Buffer): Buffer {
    const taken = takeLine(bytes)
    if (!taken) return NOTHING
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(taken.line)?.[1]
    if (size === undefined) throw new HttpProtocolError(`bad chunk size ${JSON.stringify(taken.line)}`)
    left = Number.parseInt(size, 16)
    step = left === 0 ? inTrailer : inChunk
    return taken.after
  }

  function inChunk(bytes: Buffer): Buffer {
    const after = pass(bytes)
    if (left === 0) step = afterChunk
    return after
  }

  function afterChunk(bytes: Buffer): Buffer {
    const taken = takeLine(bytes)
    if (!taken) return NOTHING
    if (taken.line !== '') throw new HttpProtocolError('a chunk is longer than announced')
    step = inChunkSize
    return taken.after
  }

  function inTrailer(bytes: Buffer): Buffer {
    const taken = takeLine(bytes)
    if (!taken) return NOTHING
    if (taken.line === '') end()
    return taken.after
  }

  function untilClosed(bytes: Buffer): Buffer {
    sink.data(bytes)
    return NOTHING
  }

  return {
    feed(bytes) {
      for (let more = bytes; more.length > 0; ) more = step(more)
    },
    finish() {
      if (step === untilClosed) return end()
      if (step === inHead && lines.length === 0 && rest.length === 0)
        throw new HttpProtocolError('Remote end closed connection without response')
      throw new HttpProtocolError('Remote end closed connection in the middle of the response')
    },
  }
}

function parseHead(lines: readonly string[]): ResponseHead {
  const parts = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(lines[0]!)
  if (!parts) throw new HttpProtocolError(`bad status line ${JSON.stringify(lines[0])}`)
  const headers = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const connection = headers.get('connection')?.toLowerCase()
  return {
    status: Number(parts[2]),
    reason: parts[3] ?? '',
    headers,
    keepAlive: parts[1] === '1' ? connection !== 'close' : connection === 'keep-alive',
  }
}
