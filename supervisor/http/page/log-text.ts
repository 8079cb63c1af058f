/** Colours, cursor movements, window titles: for terminals, not for a page. The last alternative is one that is cut. */
const sequences = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[@-Z\\-_]|\x1b/g
const unreadable = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g

/** The end of what was read, if more of it may follow: a sequence, or a carriage return. */
const unfinished = /(?:\x1b(?:\[[ -?]*|\][^\x07\x1b]*\x1b?|[ -/]+)?|\r)$/

/** Of a sequence that never ends. */
const LONGEST = 256

/** What a person can read of a log. A line that was written over, as progress bars are, becomes one line each time. */
export const readable = (text: string): string =>
  text.replace(sequences, '').replace(/\r\n?/g, '\n').replace(unreadable, '\ufffd')

/** The same for a log that comes in pieces: characters and sequences may be cut anywhere. */
export class LogText {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** Text that is complete; the rest waits for the next piece. */
  push(piece: Uint8Array): string {
    const text = this.#rest + this.#decoder.decode(piece, { stream: true })
    const cut = unfinished.exec(text)
    const end = cut && text.length - cut.index <= LONGEST ? cut.index : text.length
    this.#rest = text.slice(end)
    return readable(text.slice(0, end))
  }
}
