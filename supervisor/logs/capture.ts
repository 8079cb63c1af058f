/**
 * Capture mode: what a child writes between two tokens becomes a PROCESS_COMMUNICATION event instead of being logged.
 * Tokens may be split over reads, so bytes that could be the beginning of the awaited one are held back; nothing else is
 * (the original withholds the last 24 bytes, and loses them at the end). Source: contract 6.5
 */
const BEGIN = Buffer.from('<!--XSUPERVISOR:BEGIN-->')
const END = Buffer.from('<!--XSUPERVISOR:END-->')
const NOTHING = Buffer.alloc(0)

export interface CaptureOptions {
  readonly maxBytes: number
  /** Done to every piece of what becomes a communication. */
  prepare(data: Buffer): Buffer
  /** A piece of what was written, in order, as it was; captured or not. A view: valid during the call only. */
  piece(data: Buffer, captured: boolean): void
  /** The END token was seen: all that stood before it, as far as it was kept. */
  communication(data: Buffer): void
}

export interface Capture {
  write(chunk: Buffer): void
  /** No more will come: what was held back is no token. A capture without END is given up. */
  end(): void
}

export function openCapture({ maxBytes, prepare, piece, communication }: CaptureOptions): Capture {
  let captured: CaptureBuffer | null = null
  let heldBack = NOTHING

  const emit = (data: Buffer) => {
    if (data.length === 0) return
    captured?.add(prepare(data))
    piece(data, captured !== null)
  }

  const passToken = () => {
    const finished = captured
    captured = finished ? null : new CaptureBuffer(maxBytes)
    if (finished) communication(finished.content())
  }

  return {
    write(chunk) {
      let rest = heldBack.length > 0 ? Buffer.concat([heldBack, chunk]) : chunk
      for (;;) {
        const token = captured ? END : BEGIN
        const at = rest.indexOf(token)
        if (at === -1) {
          const certain = rest.length - lengthOfPrefixAtEnd(rest, token)
          heldBack = certain < rest.length ? Buffer.from(rest.subarray(certain)) : NOTHING
          emit(rest.subarray(0, certain))
          return
        }
        emit(rest.subarray(0, at))
        passToken()
        rest = rest.subarray(at + token.length)
      }
    },
    end() {
      emit(heldBack)
      heldBack = NOTHING
      captured = null
    },
  }
}

/** How many bytes at the end of the data are the beginning of the token? */
function lengthOfPrefixAtEnd(data: Buffer, token: Buffer): number {
  for (let length = Math.min(token.length - 1, data.length); length > 0; length--) {
    if (data.compare(token, 0, length, data.length - length) === 0) return length
  }
  return 0
}

/** Its limit is loose: a piece is kept whole, and makes room by as many bytes as it has itself. */
class CaptureBuffer {
  readonly #pieces: Buffer[] = []
  #bytes = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(data: Buffer): void {
    if (this.#bytes + data.length > this.#maxBytes) this.#dropFromFront(data.length)
    this.#pieces.push(Buffer.from(data))
    this.#bytes += data.length
  }

  content(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  #dropFromFront(bytes: number): void {
    for (let left = Math.min(bytes, this.#bytes); left > 0; ) {
      const first = this.#pieces.shift()!
      if (first.length > left) this.#pieces.unshift(first.subarray(left))
      const dropped = Math.min(first.length, left)
      left -= dropped
      this.#bytes -= dropped
    }
  }
}
