/**
 * `cuda-driver-version [--native]`: the newest CUDA that the driver supports, as `12.8`; nothing and exit status 1 when it
 * cannot be told. As programs see it: with the library that the loader finds, forward compatibility included, else as
 * nvidia-smi says. `--native`: by the driver's own library only. Source: contract 1.6
 */
import { existsSync, readFileSync, writeSync } from 'node:fs'
import koffi from 'koffi'
import { runCommand } from '../boot/command.ts'

const LIBRARY = 'libcuda.so.1'
const ARCHITECTURE = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

/** Where drivers are installed, or mounted by container runtimes; what the loader knows besides comes after them. */
const NATIVE_PLACES = [
  `/usr/lib/${ARCHITECTURE}-linux-gnu`,
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/nvidia/lib64',
  '/usr/local/nvidia/lib',
  '/usr/lib/wsl/lib',
]

const SMI_SECONDS = 10

/** 12080 → `12.8` */
const renderVersion = (number: number): string => `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`

/** What a library by this name or path says; '' when it says nothing. */
function askLibrary(name: string): string {
  try {
    const version = [0]
    const status: number = koffi.load(name).func('int cuDriverGetVersion(_Out_ int *version)')(version)
    return status === 0 && version[0]! > 0 ? renderVersion(version[0]!) : ''
  } catch {
    return '' // there is none, or it is for another machine
  }
}

const mappedLibraries = (): ReadonlySet<string> =>
  new Set(readFileSync('/proc/self/maps', 'utf8').match(/\/\S*libcuda\.so\S*/g))

async function askDriver(): Promise<string> {
  const listed = await runCommand('/sbin/ldconfig', ['-p'])
  const known = [...listed.stdout.matchAll(/ => (\/.*\/libcuda\.so\.1)$/gm)].map(match => match[1]!)
  for (const path of new Set([...NATIVE_PLACES.map(place => `${place}/${LIBRARY}`), ...known])) {
    if (!existsSync(path)) continue
    const before = mappedLibraries()
    const version = askLibrary(path)
    // a link may lead to the libraries for forward compatibility, or to those for linking
    const isForeign = [...mappedLibraries()].some(file => !before.has(file) && /\/(?:compat|stubs)\//.test(file))
    if (version !== '' && !isForeign) return version
  }
  return ''
}

async function askSmi(): Promise<string> {
  const { stdout } = await runCommand('nvidia-smi', [], { timeoutSeconds: SMI_SECONDS })
  return /CUDA(?: \w+)? Version\s*:?\s*(\d+\.\d+)/i.exec(stdout)?.[1] ?? ''
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 1 || (args.length === 1 && args[0] !== '--native')) {
    writeSync(2, 'usage: cuda-driver-version [--native]\n')
    return 2
  }
  const version = args[0] === '--native' ? await askDriver() : askLibrary(LIBRARY) || (await askSmi())
  if (version === '') return 1
  writeSync(1, `${version}\n`)
  return 0
}

void main(process.argv.slice(2)).then(status => process.exit(status))
