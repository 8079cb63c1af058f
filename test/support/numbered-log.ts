/** Checks byte for byte what test/fixtures/programs/numbers-its-lines wrote. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

const TEXT = 'the-quick-brown-fox-jumps-over-the-lazy-dog-0123456789'
/** Of many wrong lines the first few tell what happened. */
const MOST_PROBLEMS = 5

/** What a life leaves behind that has written so many bytes, or a few more. */
export function wholeLife(bytes: number): string {
  let [text, line] = ['begin 1\n', 0]
  while (text.length < bytes) text += `1 ${++line} ${TEXT}\n`
  return `${text}end 1 ${line}\n`
}

/** One log, fed piece by piece: every line of every life in its place, and none besides. */
export class NumberedLog {
  /** good lines */
  lines = 0
  /** lives that ended as they should */
  lives = 0
  problems: readonly string[] = []
  #rest = ''
  #life: { readonly pid: number; line: number } | null = null

  feed(bytes: Buffer): this {
    const lines = (this.#rest + bytes.toString('latin1')).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#check(line)
    return this
  }

  /** The number of the last good line of the life that has not ended. */
  get current(): number {
    return this.#life?.line ?? 0
  }

  #check(line: string): void {
    const life = this.#life
    if (life && line === `${life.pid} ${life.line + 1} ${TEXT}`) {
      life.line++
      this.lines++
    } else if (life && line === `end ${life.pid} ${life.line}`) {
      this.#life = null
      this.lives++
    } else {
      const begun = /^begin (\d+)$/.exec(line)
      if (!begun || life) this.#problem(line)
      // goes on with what is there, so that one gap is one problem
      const [, pid, number] = /^(\d+) (\d+) /.exec(line) ?? []
      if (begun) this.#life = { pid: Number(begun[1]), line: 0 }
      else if (pid) this.#life = { pid: Number(pid), line: Number(number) }
      else if (line.startsWith('end ')) this.#life = null
    }
  }

  #problem(line: string): void {
    if (this.problems.length === MOST_PROBLEMS) return
    const where = this.#life ? `after line ${this.#life.line} of ${this.#life.pid}` : 'after the end of a life'
    this.problems = [...this.problems, `${where}: ${JSON.stringify(line.slice(0, 120))}`]
  }
}

/** Reads a log as a whole over its rotations, as long as it is asked before the oldest backup goes. */
export class RotatedLog {
  readonly #path: string
  readonly #backups: number
  #descriptor = -1
  readonly #room = Buffer.alloc(1 << 20)

  constructor(path: string, backups: number) {
    this.#path = path
    this.#backups = backups
  }

  /** Hands over everything that has come since the last time. @throws Error when a part was rotated away */
  read(onBytes: (bytes: Buffer) => void): void {
    if (this.#descriptor < 0) this.#descriptor = openSync(this.#path, 'r')
    for (;;) {
      const next = this.#openNext()
      // known to be complete when it has been rotated before it was read to its end
      for (let got = this.#readSome(); got > 0; got = this.#readSome())
        onBytes(Buffer.from(this.#room.subarray(0, got)))
      if (next < 0) return
      closeSync(this.#descriptor)
      this.#descriptor = next
    }
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor)
  }

  #readSome(): number {
    return readSync(this.#descriptor, this.#room, 0, this.#room.length, null)
  }

  /** The file that follows ours; −1 when ours is the newest. */
  #openNext(): number {
    const { ino } = fstatSync(this.#descriptor)
    const nameOf = (n: number): string => (n === 0 ? this.#path : `${this.#path}.${n}`)
    const at = (n: number): boolean => statSync(nameOf(n), { throwIfNoEntry: false })?.ino === ino
    for (let attempt = 0; attempt < 10; attempt++) {
      if (at(0)) return -1
      for (let n = 1; n <= this.#backups; n++) {
        if (!at(n)) continue
        const next = openIfPresent(nameOf(n - 1))
        // in the middle of a rotation: the new file comes in a moment
        if (next < 0) return -1
        // a rotation in between has moved everything one further
        if (at(n)) return next
        closeSync(next)
        break
      }
    }
    throw new Error(`${this.#path}: a part was rotated away before it was read`)
  }
}

function openIfPresent(path: string): number {
  try {
    return openSync(path, 'r')
  } catch {
    return -1
  }
}
