import { test } from 'vitest'
import { until } from '../support/lab.ts'
import { openGateway, TOKEN, NODE } from './gateway-lab.ts'
const entry = (name: string, port: number, to: number): string =>
  `  ${name}:\n    hostname: localhost\n    external_port: ${port}\n    internal_port: ${to}\n    open_path: /\n    name: ${name}\n`
const hammer = `
import http from 'node:http'
let ok = 0; const bad = {}; let stop = false
const one = () => new Promise(done => http.get({ port: 7860, host: '127.0.0.1', agent: false, headers: { authorization: 'Bearer ${TOKEN}' } }, a => { a.resume(); a.on('end', () => { if (a.statusCode === 200) ok++; else bad[a.statusCode] = (bad[a.statusCode] ?? 0) + 1; done() }) }).on('error', e => { bad[e.code] = (bad[e.code] ?? 0) + 1; done() }))
setTimeout(() => { stop = true }, 20000)
await Promise.all(Array.from({ length: 8 }, async () => { while (!stop) await one() }))
console.log(JSON.stringify({ ok, bad }))
`
test.each(['0', '1'])('x %s', async v => {
  await using lab = await openGateway('localhost:1111:11111:/:Instance Portal|localhost:7860:17860:/:App', { files: { '/opt/test/h.mjs': hammer }, prepare: `echo ${v} > /proc/sys/net/ipv4/tcp_migrate_req; cat /proc/sys/net/ipv4/tcp_migrate_req` })
  console.log(lab.instance.output, (await lab.instance.exec('cat /proc/sys/net/ipv4/tcp_migrate_req')).stdout)
  await lab.startUpstream(17860)
  const h = lab.instance.start(`exec ${NODE} /opt/test/h.mjs`); let out = ''; h.stdout!.on('data', d => (out += d))
  const t0 = Date.now(); let n = 0
  while (Date.now() - t0 < 18000) {
    n++
    lab.instance.write('/etc/portal.yaml', `applications:\n${entry('Instance Portal', 1111, 11111)}${entry('App', 7860, 17860)}${n % 2 ? entry('New', 8188, 18188) : ''}`)
    await until('applied', () => (lab.output.match(/ serving /g)?.length ?? 0) > n)
  }
  await until('done', () => out !== '')
  console.log(n, 'changes', out)
}, 120000)
