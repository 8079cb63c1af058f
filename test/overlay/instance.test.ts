/** The test machine itself is what its tests believe it to be. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'

test('an instance is a machine of its own, and leaves nothing behind', async () => {
  let inside = ''
  {
    await using instance = await openInstance({
      files: { '/etc/given': 'yes\n', '/etc/run-me': '#!/bin/sh\necho ran\n' },
    })
    inside = instance.path('/')
    instance.write('/etc/written', 'by us\n')
    const { stdout } = await instance.exec(
      'cat /etc/given /etc/written; /etc/run-me; echo $$ $WORKSPACE; cat /proc/1/comm',
    )
    expect(stdout).toMatch(/^yes\nby us\nran\n\d+ \/workspace\nbash\n$/)
    expect((await instance.exec('id -u; id -g; echo $HOME', { user: 'user' })).stdout).toBe('1001\n0\n/home/user\n')
    expect((await instance.exec('exit 3')).status).toBe(3)
    expect((await instance.exec('cat', { input: 'in' })).stdout).toBe('in')
    expect((await instance.exec('supervisorctl version; ls /sys/class/net')).stdout).toContain('lo\n')
    expect(existsSync('/etc/written')).toBe(false)
  }
  await expect.poll(() => existsSync(inside)).toBe(false)
})

test("process 1's output and exit status are the instance's", async () => {
  await using instance = await openInstance({ init: 'echo "hello from $$"; exit 7' })
  expect(await instance.ended).toBe(7)
  expect(instance.output).toBe('hello from 1\n')
})

test('a signal from outside reaches process 1', async () => {
  await using instance = await openInstance({ init: 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done' })
  await expect.poll(() => instance.output).toBe('up\n')
  instance.signal('SIGTERM')
  expect(await instance.ended).toBe(5)
})
