/** A real browser in the network of an instance. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Instance } from '../support/instance.ts'

/** For what hangs: a machine may be slow. */
const LIMIT_MS = 90_000

export class InstanceBrowser implements AsyncDisposable {
  readonly #browser: Browser
  readonly #directory: string

  constructor(browser: Browser, directory: string) {
    this.#browser = browser
    this.#directory = directory
  }

  /** A page of a browser that has never been here. */
  async open(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: true, ...options })
    context.setDefaultTimeout(LIMIT_MS)
    return context.newPage()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    rmSync(this.#directory, { recursive: true })
  }
}

export async function openBrowser({ pid }: Instance): Promise<InstanceBrowser> {
  const directory = mkdtempSync(join(tmpdir(), 'browser-'))
  const executablePath = join(directory, 'chromium')
  const real = process.env.CHROMIUM ?? '/usr/bin/chromium'
  writeFileSync(executablePath, `#!/bin/sh\nexec nsenter -t ${pid} -n '${real}' "$@"\n`, { mode: 0o755 })
  const browser = await chromium.launch({
    executablePath,
    timeout: LIMIT_MS,
    // it would call home at every start
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
  return new InstanceBrowser(browser, directory)
}
