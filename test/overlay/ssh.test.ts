/** Whoever may log in as root may log in as `user`: with the real sshd. Source: contract 2.4 (46) */
import { expect, test } from 'vitest'
import { openInstance } from '../support/instance.ts'

const KEYS = `mkdir -p /root/.ssh /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /tmp/key && ssh-keygen -q -t ed25519 -N '' -f /tmp/host
cp /tmp/key.pub /root/.ssh/authorized_keys
/usr/sbin/sshd -p 2222 -h /tmp/host -o UsePAM=no -o ListenAddress=127.0.0.1
until (: </dev/tcp/127.0.0.1/2222) 2>/dev/null; do sleep 0.1; done`

test('the keys of root let in user, too, once they are propagated', async () => {
  await using instance = await openInstance()
  expect(await instance.exec(KEYS)).toMatchObject({ status: 0, stderr: '' })
  const login = (user: string) =>
    instance.exec(
      `ssh -i /tmp/key -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes ${user}@127.0.0.1 id -un`,
    )
  expect((await login('root')).stdout).toBe('root\n')
  expect(await login('user')).toMatchObject({ status: 255, stderr: expect.stringContaining('Permission denied') })
  await instance.exec('/opt/instance-tools/bin/boot-step user-propagate-ssh-keys')
  expect((await login('user')).stdout).toBe('user\n')
})
