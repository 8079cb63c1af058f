import { describe, expect, test } from 'vitest'
import type { Exposure } from '../../../../programs/common/exposure.ts'
import { html } from '../../../../programs/common/html.ts'
import { readSettings } from '../../../../programs/common/settings.ts'
import { renderLogPage, renderPage } from '../../../../programs/instance_portal/documents.ts'
import { type PageFacts, type Reader, renderParts, span } from '../../../../programs/instance_portal/parts.ts'
import { visitorOf } from '../../../../programs/instance_portal/visitor.ts'
import { application, facts, loggedIn, NOW, program, TOKEN } from './lab.ts'

const { settings } = readSettings({ VAST_TCP_PORT_1111: '41111', VAST_TCP_PORT_7860: '47860' }, false)

const page = (change: Partial<PageFacts> = {}): PageFacts => ({
  facts: facts(),
  problems: [],
  exposures: [],
  tunnels: [],
  settings,
  publicAddress: undefined,
  gateway: undefined,
  unstoppable: new Set(['caddy']),
  ticking: true,
  ...change,
})

const insider: Reader = { visitor: visitorOf(loggedIn, TOKEN), formToken: 'form' }
const onlooker: Reader = { visitor: visitorOf({}, TOKEN), formToken: undefined }

const part = (id: string, given: PageFacts, reader = insider): string => {
  const { singles, applications, programs } = renderParts(given, reader)
  return [...singles, ...applications, ...programs].find(each => each.id === id)!.html.text
}

describe('an application', () => {
  test('that is ready is opened at its public port, by the name that the visitor has for the instance', () => {
    const text = part('application-Web', page({ facts: facts({ answering: new Set(['Web']) }) }))
    expect(text).toContain('class="button open" href="https://203.0.113.7:47860/"')
    expect(text).toContain('<span class="state ready">ready</span>')
  })

  test('that has no public port says so', () => {
    const given = page({ facts: facts({ applications: [application('Web', { external_port: 9 })] }) })
    expect(part('application-Web', given)).toContain('Port 9 is not published')
    expect(part('application-Web', page(), onlooker)).toContain('the address of the instance is not known')
  })

  test('that is down can be started there, by whoever may', () => {
    const given = page({ facts: facts({ programs: [program('web', { state: 'FATAL', pid: 0 })] }) })
    expect(part('application-Web', given)).toContain('<button name="action" value="start" aria-label="Start Web">')
    expect(part('application-Web', given, onlooker)).not.toContain('<button')
    expect(part('application-Web', page())).not.toContain('<button')
  })

  test('has a link for each of its tunnels, which is made when somebody follows it', () => {
    const tunnels = [{ targetUrl: 'http://localhost:7860', tunnelUrl: 'https://a-b.trycloudflare.com' }]
    expect(part('application-Web', page({ tunnels }))).toContain(
      'href="open?application=Web&amp;tunnel=https%3A%2F%2Fa-b.trycloudflare.com"',
    )
    expect(part('application-Web', page({ tunnels }), onlooker)).toContain('href="https://a-b.trycloudflare.com/"')
  })

  test('that is this page is not opened', () => {
    const own = application('Instance Portal', { external_port: 1111, internal_port: 11111 })
    expect(part('application-Instance%20Portal', page({ facts: facts({ applications: [own] }) }))).toContain(
      'This page',
    )
  })
})

describe('a program', () => {
  test.each([
    ['RUNNING', 'Restart', true, true],
    ['STARTING', 'Restart', true, true],
    ['BACKOFF', 'Restart', true, true],
    ['STOPPED', 'Start', true, false],
    ['EXITED', 'Start', true, false],
    ['FATAL', 'Start', true, false],
    ['STOPPING', 'Start', false, false],
    ['UNKNOWN', 'Start', false, false],
  ] as const)('%s offers %s (%s) and Stop (%s)', (state, label, first, stop) => {
    const text = part('program-web', page({ facts: facts({ programs: [program('web', { state })] }) }))
    expect(text).toContain(`aria-label="${label} program web"${first ? '' : ' disabled'}>`)
    expect(text).toMatch(stop ? /aria-label="Stop program web">/ : /aria-label="Stop program web" disabled>/)
  })

  test('that the page needs cannot be stopped there', () => {
    const text = part('program-caddy', page({ facts: facts({ programs: [program('caddy')] }) }))
    expect(text).toMatch(/aria-label="Stop program caddy" title="[^"]+" disabled>/)
  })
})

describe('boot', () => {
  const step = (file: string, result: 'ok' | 'failed' | 'running', message = '') => ({
    ...{ name: file, file: `${file}.sh`, started: NOW - 5000, ended: result === 'running' ? null : NOW - 4000 },
    ...{ result, message },
  })
  const boot = (phase: 'boot' | 'provisioning' | 'done', ...steps: readonly ReturnType<typeof step>[]) =>
    part('boot', page({ facts: facts({ boot: { started: NOW - 5000, phase, steps } }) }))

  test('says where it is, while it is', () => {
    expect(boot('boot', step('10-a', 'ok'), step('36-b', 'running'))).toMatch(/<details open>.*Booting: 36-b</s)
    expect(boot('provisioning', step('75-p', 'running', 'model 2 of 5'))).toContain('Provisioning: model 2 of 5')
  })
  test('says how long it took, and what failed', () => {
    expect(boot('done', step('10-a', 'ok'))).toMatch(/<details><summary><span class="quiet">Booted in 1\.0 s</)
    expect(boot('done', step('10-a', 'failed', 'no space'))).toMatch(/<details open>.*1 boot step failed.*no space/s)
  })
  test('is not there where there was none', () => {
    expect(part('boot', page())).toContain('<section id="boot" hidden')
  })
  test('provisioning that failed is told, with its log', () => {
    const text = part('boot', page({ facts: facts({ provisioning: 'failed' }) }))
    expect(text).toMatch(/Provisioning has failed.*href="log\?program=provisioning"/s)
  })
})

test('what is wrong with settings is told with what to do', () => {
  const problems = [{ where: '/etc/portal.yaml:7', message: 'Web: no port: x', fix: 'run `portal check`' }]
  expect(part('problems', page({ problems }))).toMatch(
    /1 setting to mend.*<code>\/etc\/portal.yaml:7<\/code> Web: no port: x\. <em>Run <code>portal check<\/code>\.<\/em>/s,
  )
  expect(part('problems', page())).toContain('<section id="problems" hidden')
})

test('open ports are told first, with whose they are', () => {
  const exposure: Exposure = {
    ...{ protocol: 'tcp', address: '0.0.0.0', port: 5900, reach: 'all', owner: 'x11vnc (pid 4)' },
    ...{ guard: 'open', verdict: 'warn', fix: 'close it' },
  }
  const text = part('exposure', page({ exposures: [exposure, { ...exposure, verdict: 'ok', port: 22 }] }))
  expect(text).toMatch(
    /1 port without a login.*5900\/tcp.*Open\. <em>Close it\.<\/em>.*x11vnc \(pid 4\), at 0\.0\.0\.0/s,
  )
  expect(part('exposure', page())).toContain('Whatever can be reached asks for a login')
})

test('without durations a part is the same until something happens', () => {
  const at = (now: number) => renderParts(page({ facts: facts({ now }), ticking: false }), insider)
  expect(at(NOW + 1000)).toEqual(at(NOW))
})

test('nothing that others have written becomes HTML', () => {
  const evil = `"><script>alert(1)</script>'&`
  const given = page({
    facts: facts({
      applications: [application(evil, { open_path: `/${evil}`, extra: { program: evil } }), application('Web')],
      programs: [program(evil, { state: 'BACKOFF', spawnerr: evil }), program('web', { logfile: `/${evil}` })],
      verdicts: new Map([['web', { gate: evil, verdict: 'skip', reason: evil, since: NOW }]]),
      boot: {
        started: NOW,
        phase: 'boot',
        steps: [{ name: evil, file: evil, started: NOW, ended: null, result: 'running', message: evil }],
      },
    }),
    problems: [{ where: evil, message: evil, fix: `\`${evil}\`` }],
    exposures: [
      {
        ...{ protocol: 'tcp', address: evil, port: 1, reach: 'all' },
        ...{ owner: evil, guard: evil, verdict: 'warn', fix: evil },
      },
    ],
    tunnels: [{ targetUrl: 'http://localhost:7860', tunnelUrl: `https://${evil}` }],
  })
  const message = { text: evil, trouble: true }
  for (const reader of [insider, onlooker]) {
    const { text } = renderPage(given, reader, message)
    expect(text).toContain('&lt;script&gt;')
    expect(text).not.toMatch(/<script>|alert\(1\)<\/script>/)
    // every attribute ends where it should
    expect(text.replaceAll(/<[a-z0-9]+( [a-z-]+(="[^"<>]*")?)*>|<\/[a-z0-9]+>|<!DOCTYPE html>/g, '')).not.toMatch(
      /[<>]/,
    )
  }
  const log = { text: evil, cut: true }
  expect(renderLogPage({ name: evil, path: evil, log, before: log, now: NOW }).text).not.toContain('<script>alert')
})

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_661_000, '1 h 1 min'],
  [90_000_000, '1 d 1 h'],
  [-5, '0 s'],
])('%d ms is %s', (ms, text) => {
  expect(span(ms)).toBe(text)
})

test('html escapes what is put into it, and leaves out what is nothing', () => {
  expect(html`<a b="${'"<&\'>'}">${[1, html`<i>`, false, null, undefined, 'x<']}</a>`.text).toBe(
    '<a b="&quot;&lt;&amp;&#39;&gt;">1<i>x&lt;</a>',
  )
})
