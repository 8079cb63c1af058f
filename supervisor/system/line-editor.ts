/** Lines typed at a terminal: editing, history and completion by node:readline. Loaded when a person is to be asked. */
import { createInterface } from 'node:readline'
import { isatty, ReadStream, WriteStream } from 'node:tty'
import type { Question } from './terminal.ts'

export interface LineEditor {
  ask(prompt: string, question: Question): Promise<string | null>
  askSecret(prompt: string): Promise<string | null>
}

const LONGEST_HISTORY = 1000

/**
 * null when stdin or stdout is no terminal. `interrupted` hears of Ctrl-C typed while a question is open; that question is
 * answered no more.
 */
export function openLineEditor(interrupted: () => void): LineEditor | null {
  if (!isatty(0) || !isatty(1)) return null
  const input = process.stdin as ReadStream
  const output = new WriteStream(1)
  const typedAhead: string[] = [] // several lines that were pasted at once
  let begun = '' // and the beginning of one more

  /**
   * An editor per question: between questions the terminal is in its usual mode, in which Ctrl-C is a signal to whatever
   * is running.
   */
  function ask(prompt: string, { complete, history }: Question): Promise<string | null> {
    const ready = typedAhead.shift()
    if (ready !== undefined) {
      output.write(`${prompt}${ready}\n`)
      remember(history, ready)
      return Promise.resolve(ready)
    }
    return new Promise(resolve => {
      let answer: string | null = null
      let interrupt = false
      let closed = false
      const editor = createInterface({
        input,
        output,
        prompt,
        terminal: true,
        history: history ? [...history] : [],
        historySize: history ? LONGEST_HISTORY : 0,
        ...(complete && {
          completer: (text: string, done: (error: null, result: [string[], string]) => void) =>
            complete(text).then(([candidates, word]) => {
              if (!closed) done(null, [[...candidates], word])
            }),
        }),
      })
      editor.on('line', line => {
        if (answer !== null) return void typedAhead.push(line)
        answer = line
        queueMicrotask(() => {
          begun = editor.line // the rest of what was pasted
          editor.close()
        })
      })
      editor.on('SIGINT', () => {
        interrupt = true
        editor.close()
        interrupted()
      })
      editor.on('close', () => {
        closed = true
        input.pause()
        if (interrupt) return // there is nothing to answer any more
        if (answer !== null) remember(history, answer)
        resolve(answer)
      })
      editor.prompt()
      if (begun !== '') editor.write(begun)
      begun = ''
    })
  }

  /** A stream of its own for each: the end of input (Ctrl-D) ends a stream for good, but not the terminal. */
  function askPlainly(prompt: string, { abort }: Question): Promise<string | null> {
    output.write(prompt)
    const ready = typedAhead.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise(resolve => {
      const plain = new ReadStream(0)
      const finish = (answer: string | null) => {
        abort?.removeEventListener('abort', giveUp)
        plain.destroy()
        resolve(answer)
      }
      const giveUp = () => finish(null)
      plain.setEncoding('utf8')
      plain.on('data', (text: string) => {
        const [line = '', ...more] = text.replace(/\n$/, '').split('\n')
        typedAhead.push(...more)
        finish(line)
      })
      plain.on('end', giveUp)
      plain.on('error', giveUp)
      abort?.addEventListener('abort', giveUp, { once: true })
    })
  }

  function askSecret(prompt: string): Promise<string | null> {
    output.write(prompt)
    input.setRawMode(true)
    return new Promise(resolve => {
      const decoder = new TextDecoder()
      let typed: string[] = []
      const close = (answer: string | null) => {
        input.off('data', onKeys)
        input.off('end', onEnd)
        input.setRawMode(false)
        input.pause()
        if (answer !== null) output.write('\n')
        resolve(answer)
      }
      const onEnd = () => close(null)
      const onKeys = (bytes: Buffer) => {
        for (const key of decoder.decode(bytes, { stream: true })) {
          if (key === '\r' || key === '\n') return close(typed.join(''))
          if (key === '\x04' && typed.length === 0) return close(null)
          if (key === '\x03') {
            input.setRawMode(false)
            return interrupted()
          }
          if (key === '\x7f' || key === '\b') typed.pop()
          else if (key === '\x15') typed = []
          else typed.push(key)
        }
      }
      input.on('data', onKeys)
      input.on('end', onEnd)
      input.resume()
    })
  }

  return { ask: (prompt, question) => (question.plain ? askPlainly : ask)(prompt, question), askSecret }
}

function remember(history: string[] | undefined, line: string): void {
  if (!history || line === '' || line === history[0]) return
  history.unshift(line)
  if (history.length > LONGEST_HISTORY) history.pop()
}
