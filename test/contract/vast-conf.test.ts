import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Lab, PYTHON_SUPERVISORD, SUPERVISORD } from '../support/lab.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures/vast-conf')
const programsOf = (text: string) => [...text.matchAll(/^\[program:(.+)\]$/gm)].map(match => match[1]!)

/** Names repeat from image to image: as few daemons as possible, each with different names. */
function batches(): { readonly files: readonly string[]; readonly programs: readonly string[] }[] {
  const made: { files: string[]; programs: string[] }[] = []
  for (const file of readdirSync(fixtures).filter(
    name => name.endsWith('.conf') && !name.endsWith('supervisord.conf'),
  )) {
    const programs = programsOf(readFileSync(resolve(fixtures, file), 'utf8'))
    const room = made.find(batch => programs.every(name => !batch.programs.includes(name)))
    if (room) {
      room.files.push(file)
      room.programs.push(...programs)
    } else made.push({ files: [file], programs })
  }
  return made
}

const ASK = `
import json, sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
proxy = xmlrpc.client.ServerProxy('http://127.0.0.1', transport=SupervisorTransport(None, None, 'unix://' + sys.argv[1]))
print(json.dumps(proxy.supervisor.getAllConfigInfo()))
`

/** What the daemon says of these files; nothing is started, and nobody has to have an account here. */
async function configInfo(supervisord: string, batch: ReturnType<typeof batches>[number]): Promise<unknown> {
  await using lab = new Lab('')
  for (const file of batch.files) lab.write(`conf.d/a-${file}`, readFileSync(resolve(fixtures, file), 'utf8'))
  const asleep = batch.programs.map(name => `[program:${name}]\nautostart=false\nuser=nobody\n`)
  lab.write('conf.d/z.conf', asleep.join(''))
  await lab.start({ supervisord })
  return JSON.parse(lab.run('/usr/bin/python3', '-c', ASK, lab.path('s.sock')).stdout)
}

test.each(batches())(
  'the 68 program files of the image family mean what they mean to the original ($files.length)',
  async batch => {
    const [ours, theirs] = [await configInfo(SUPERVISORD, batch), await configInfo(PYTHON_SUPERVISORD, batch)]
    expect((ours as unknown[]).length).toBe(batch.programs.length)
    expect(ours).toEqual(theirs)
  },
)
