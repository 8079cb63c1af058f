import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import type { Network } from './image-lab.ts'

/** For what hangs: a machine may be slow. */
const LIMIT_MS = 180_000

/** A browser on another host of the network. `await using` closes it, and takes the host away. */
export class RemoteBrowser implements AsyncDisposable {
  readonly #browser: Browser
  readonly #directory: string

  constructor(browser: Browser, directory: string) {
    this.#browser = browser
    this.#directory = directory
  }

  /** As of somebody who has never been here. */
  async open(options: BrowserContextOptions): Promise<BrowserContext> {
    const context = await this.#browser.newContext(options)
    context.setDefaultTimeout(LIMIT_MS)
    return context
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    rmSync(this.#directory, { recursive: true })
  }
}

/** Chromium in a network namespace with that address; this process drives it through its pipe, which needs no network. */
export async function openRemoteBrowser(network: Network, address: string): Promise<RemoteBrowser> {
  const directory = mkdtempSync(join(tmpdir(), 'bosun-browser-'))
  const command = network.clientCommand(address, [process.env.CHROMIUM ?? '/usr/bin/chromium'])
  const executablePath = join(directory, 'chromium')
  const quoted = command.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  writeFileSync(executablePath, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 })
  try {
    // it would call home at every start
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ]
    return new RemoteBrowser(await chromium.launch({ executablePath, args, timeout: LIMIT_MS }), directory)
  } catch (error) {
    rmSync(directory, { recursive: true })
    throw error
  }
}
