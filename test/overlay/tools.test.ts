/** The small commands of an instance. Source: contract 1.6 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'
import { askedVendors, startVendors, withVendors } from '../support/vendors.ts'

describe('cuda-driver-version', () => {
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  const NATIVE = `/usr/lib/${triplet}/libcuda.so.1`

  /** A library that says this number, where a driver's would be. */
  function library(version: number): Buffer {
    const directory = mkdtempSync(join(tmpdir(), 'bosun-cuda-'))
    try {
      const source = `int cuDriverGetVersion(int *version) { *version = ${version}; return 0; }`
      const out = join(directory, 'lib')
      const made = spawnSync('gcc', ['-shared', '-fPIC', '-Wl,-soname,libcuda.so.1', '-x', 'c', '-', '-o', out], {
        input: source,
        encoding: 'utf8',
      })
      if (made.status !== 0) throw new Error(`gcc: ${made.stderr}`)
      return readFileSync(out)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }

  async function openWith(libraries: Readonly<Record<string, Buffer>>) {
    const instance = await openInstance()
    for (const [path, content] of Object.entries(libraries))
      await instance.exec(`mkdir -p $(dirname ${path}) && base64 -d >${path}`, { input: content.toString('base64') })
    return instance
  }

  test('without a driver: nothing, and exit status 1', async () => {
    await using instance = await openInstance()
    for (const args of ['', '--native'])
      expect(await instance.exec(`cuda-driver-version ${args}`)).toEqual({ status: 1, stdout: '', stderr: '' })
  })

  test.each(['--nativ', '--native x'])('%s: exit status 2', async args => {
    await using instance = await openInstance()
    expect(await instance.exec(`cuda-driver-version ${args}`)).toMatchObject({ status: 2, stdout: '' })
  })

  test("the driver's own, and with the compatibility library that the loader prefers", async () => {
    await using instance = await openWith({
      [NATIVE]: library(12040),
      '/usr/local/cuda-13.0/compat/libcuda.so.1': library(13000),
    })
    const env = { LD_LIBRARY_PATH: '/usr/local/cuda-13.0/compat' }
    expect(await instance.exec('cuda-driver-version')).toMatchObject({ status: 0, stdout: '12.4\n' })
    expect(await instance.exec('cuda-driver-version', { env })).toMatchObject({ status: 0, stdout: '13.0\n' })
    expect(await instance.exec('cuda-driver-version --native', { env })).toMatchObject({ status: 0, stdout: '12.4\n' })
  })

  test('--native: a link to a compatibility or a stub library does not count, what only the loader knows does', async () => {
    await using instance = await openWith({
      '/usr/local/cuda-13.0/compat/libcuda.so.1': library(13000),
      '/usr/local/cuda-13.0/lib64/stubs/libcuda.so.1': library(13000),
    })
    for (const place of ['compat', 'lib64/stubs']) {
      await instance.exec(`ln -sf /usr/local/cuda-13.0/${place}/libcuda.so.1 ${NATIVE}`)
      expect(await instance.exec('cuda-driver-version --native')).toMatchObject({ status: 1, stdout: '' })
    }
    await instance.exec(
      `mkdir /opt/driver; base64 -d >/opt/driver/libcuda.so.1; echo /opt/driver >/etc/ld.so.conf.d/driver.conf; ldconfig`,
      {
        input: library(12020).toString('base64'),
      },
    )
    expect(await instance.exec('cuda-driver-version --native')).toMatchObject({ status: 0, stdout: '12.2\n' })
  })

  test('without a library nvidia-smi is asked, but not for the native version', async () => {
    const smi = '#!/bin/sh\necho "| NVIDIA-SMI 570.86.15   Driver Version: 570.86.15   CUDA Version: 12.8     |"\n'
    await using instance = await openInstance({ files: { '/usr/local/bin/nvidia-smi': smi } })
    expect(await instance.exec('cuda-driver-version')).toMatchObject({ status: 0, stdout: '12.8\n' })
    expect(await instance.exec('cuda-driver-version --native')).toMatchObject({ status: 1, stdout: '' })
  })
})

test('env-hash: twelve digits, the same for the same image, others when a Python environment changes', async () => {
  const python = '#!/bin/sh\necho "3.11.2"; cat /venv/main/packages\n'
  await using instance = await openInstance({
    files: { '/venv/main/bin/python': python, '/venv/main/packages': 'torch 2.4\n' },
  })
  const hash = async (): Promise<string> => (await instance.exec('env-hash')).stdout
  const first = await hash()
  expect(first).toMatch(/^[0-9a-f]{12}\n$/)
  expect(await hash()).toBe(first)
  instance.write('/venv/main/packages', 'torch 2.5\n')
  expect(await hash()).not.toBe(first)
})

test('jupyter: notebook and lab get the options of an instance before those of the caller, all else passes', async () => {
  const files = { '/usr/local/bin/jupyter': '#!/bin/sh\nprintf "%s\\n" "$@"\n' }
  await using instance = await openInstance({ files })
  const call = async (args: string, env = {}): Promise<readonly string[]> =>
    (await instance.exec(`/opt/instance-tools/bin/jupyter ${args}`, { env })).stdout.trim().split('\n')
  const ours = ['--no-browser', '--ContentsManager.allow_hidden=True', '--ServerApp.root_dir=/']
  expect(await call('lab --port=1 --ServerApp.root_dir=/x')).toEqual([
    'lab',
    ...ours,
    '--ServerApp.preferred_dir=/workspace',
    '--port=1',
    '--ServerApp.root_dir=/x',
  ])
  expect(await call('notebook', { JUPYTER_DIR: '/my data' })).toEqual([
    'notebook',
    ...ours,
    '--ServerApp.preferred_dir=/my data',
  ])
  expect(await call('notebook', { WORKSPACE: '' })).toContain('--ServerApp.preferred_dir=/')
  expect(await call('kernelspec list')).toEqual(['kernelspec', 'list'])
  await instance.exec('rm -f /usr/local/bin/jupyter /usr/bin/jupyter')
  expect(await instance.exec('/opt/instance-tools/bin/jupyter lab')).toMatchObject({
    status: 127,
    stderr: expect.stringContaining('not installed'),
  })
})

test("vastai: says that the vendor's command line is not there, and runs one that is", async () => {
  await using instance = await openInstance()
  expect(await instance.exec('vastai show instances')).toMatchObject({
    status: 127,
    stdout: '',
    stderr: expect.stringContaining('/opt/vast-cli'),
  })
  instance.write('/opt/vast-cli/vast.py', 'import os, sys\nprint(os.getcwd(), sys.argv[1:])\n')
  instance.write('/usr/bin/python3', '#!/bin/sh\necho "$PWD $*"\n', 0o755)
  expect((await instance.exec('vastai show instances')).stdout).toBe('/opt/vast-cli vast.py show instances\n')
})

describe('install-display-drivers', () => {
  const VERSION = '550.54.15'
  const KERNEL_MODULE = `NVRM version: NVIDIA UNIX x86_64 Kernel Module  ${VERSION}  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12.2.0\n`
  const DRIVER = `mount -t tmpfs tmpfs /proc/driver; mkdir /proc/driver/nvidia; cp /srv/version /proc/driver/nvidia/version`
  const PACKAGE = `#!/bin/sh
[ "$1 $2" = "--extract-only --target" ] || exit 1
mkdir -p "$3/32"; echo 64 >"$3/libGLX_nvidia.so.${VERSION}"; echo 32 >"$3/32/libGLX_nvidia.so.${VERSION}"; echo {} >"$3/nvidia_icd.json"
`
  const directory = process.arch === 'arm64' ? 'aarch64' : 'Linux-x86_64'
  const name = `NVIDIA-Linux-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-${VERSION}.run`

  test('without a driver, and without a network: it says so, and exits with 0', async () => {
    await using without = await openInstance()
    expect(await without.exec('install-display-drivers')).toEqual({
      status: 0,
      stdout: 'install-display-drivers: there is no NVIDIA driver here\n',
      stderr: '',
    })
    await using offline = await openInstance({ files: { '/srv/version': KERNEL_MODULE }, prepare: DRIVER })
    const { status, stdout } = await offline.exec('install-display-drivers')
    expect({ status, stdout }).toEqual({ status: 0, stdout: `install-display-drivers: cannot fetch ${name}\n` })
    expect((await offline.exec('ls -A /opt | grep nvidia')).stdout).toBe('')
  })

  test.each([
    ['the first mirror', `/XFree86/${directory}/${VERSION}/${name}`, 1],
    ['the second mirror', `/tesla/${VERSION}/${name}`, 2],
  ])('%s: libraries and manifests of that driver, once', async (_, path, requests) => {
    const vendors = withVendors({ [path]: PACKAGE })
    await using instance = await openInstance({
      files: { ...vendors.files, '/srv/version': KERNEL_MODULE },
      prepare: `${vendors.prepare}\n${DRIVER}`,
    })
    await startVendors(instance)
    expect(await instance.exec('install-display-drivers')).toMatchObject({
      status: 0,
      stdout: `install-display-drivers: installed those of driver ${VERSION}\n`,
    })
    expect(instance.read(`/opt/nvidia-drivers/libGLX_nvidia.so.${VERSION}`)).toBe('64\n')
    expect(instance.read(`/opt/nvidia-drivers/lib32/libGLX_nvidia.so.${VERSION}`)).toBe('32\n')
    expect(instance.read('/etc/ld.so.conf.d/zz-nvidia-drivers.conf')).toBe(
      '/opt/nvidia-drivers\n/opt/nvidia-drivers/lib32\n',
    )
    expect(existsSync(instance.path('/usr/share/vulkan/icd.d/nvidia_icd.json'))).toBe(true)
    expect((await instance.exec('ls -A /opt | grep nvidia')).stdout).toBe('nvidia-drivers\n')
    expect(askedVendors(instance)).toHaveLength(requests)
    expect((await instance.exec('install-display-drivers')).stdout).toContain(
      `those of driver ${VERSION} are installed`,
    )
    expect(askedVendors(instance)).toHaveLength(requests)
  })
})
