import { describe, expect, test } from 'vitest'
import { type Application, isProxied, parsePortalConfig } from '../../../../programs/common/portal-config.ts'
import { openRandom } from '../../../support/random.ts'

const app = (name: string, external_port: number, internal_port: number, open_path = '/', hostname = 'localhost') => ({
  ...{ name, hostname, external_port, internal_port, open_path },
  extra: {},
})

const renderPortalConfig = (applications: readonly Application[]): string =>
  applications
    .map(({ hostname, external_port, internal_port, open_path, name }) =>
      [hostname, external_port, internal_port, open_path, name].join(':'),
    )
    .join('|')

const told = (text: string): readonly string[] =>
  parsePortalConfig(text).problems.map(({ where, message }) => `${where}: ${message}`)

const names = (text: string): readonly string[] => parsePortalConfig(text).applications.map(({ name }) => name)

describe('what images really set', () => {
  const base =
    'localhost:1111:11111:/:Instance Portal|localhost:8080:18080:/:Jupyter|localhost:8080:8080:/terminals/1:Jupyter Terminal' +
    '|localhost:8384:18384:/:Syncthing|localhost:6006:16006:/:Tensorboard'

  test('external before internal, order kept, equal ports are links only', () => {
    const { applications, problems } = parsePortalConfig(base)
    expect(problems).toEqual([])
    expect(applications).toEqual([
      app('Instance Portal', 1111, 11111),
      app('Jupyter', 8080, 18080),
      app('Jupyter Terminal', 8080, 8080, '/terminals/1'),
      app('Syncthing', 8384, 18384),
      app('Tensorboard', 6006, 16006),
    ])
    expect(applications.filter(isProxied).map(({ name }) => name)).not.toContain('Jupyter Terminal')
    expect(renderPortalConfig(applications)).toBe(base)
  })

  test.each([
    'localhost:18675:8675:/:AI Toolkit|localhost:13000:3000:/:ACE Step|localhost:17862:7862:/:Whisper WebUI|localhost:18000:8000:/docs:Whisper API',
    'localhost:7861:7861:/:Wan2GP|localhost:8188:18188:/:ComfyUI|localhost:8288:18288:/docs:API Wrapper',
    'localhost:21434:11434:/:Ollama API|localhost:7500:17500:/:Open WebUI',
    'localhost:8000:18000:/docs:vLLM API|localhost:8265:28265:/:Ray Dashboard|127.0.0.1:7860:17860:/:Model UI',
    'localhost:6100:16100:/:Selkies Low Latency Desktop|localhost:6200:16200:/guacamole:Apache Guacamole Desktop (VNC)',
  ])('%s', config => {
    const { applications, problems } = parsePortalConfig(config)
    expect(problems).toEqual([])
    expect(renderPortalConfig(applications)).toBe(config)
  })
})

describe('what is wrong with an entry is told and costs no other', () => {
  const good = ['localhost:1111:11111:/:Instance Portal', 'localhost:7860:17860:/:My App']

  test.each([
    ['', 'an empty entry is left out'],
    ['  ', 'an empty entry is left out'],
    ['localhost:1:2:/', 'has 4 of 5 fields, and is left out: localhost:1:2:/'],
    ['nonsense', 'has 1 of 5 fields, and is left out: nonsense'],
    ['localhost:80x:2:/:App', 'App: external_port is not a port: 80x; it is left out'],
    ['localhost:80:-1:/:App', 'App: internal_port is not a port: -1; it is left out'],
    ['localhost:70000:2:/:App', 'App: external_port is not a port: 70000; it is left out'],
    ['localhost:0:2:/:App', 'App: external_port is not a port: 0; it is left out'],
    ['localhost::2:/:App', 'App: external_port is not a port: nothing; it is left out'],
    ['#localhost:1:2:/:App', 'left out, as it begins with #: #localhost:1:2:/:App'],
    ['local host:1:2:/:App', 'App: hostname is none: local host; it is left out'],
    [':1:2:/:App', 'App: hostname is none: nothing; it is left out'],
    ['x{y}:1:2:/:App', 'App: hostname is none: x{y}; it is left out'],
    ['localhost:1111:2:/:App', 'App: external port 1111 is that of Instance Portal; it is left out'],
  ])('%j', (bad, message) => {
    for (const config of [
      [bad, ...good],
      [good[0]!, bad, good[1]!],
      [...good, bad],
    ]) {
      const isRival = message.includes('is that of')
      if (isRival && config[0] === bad) continue // then it is the first, and the other one the rival
      expect(names(config.join('|'))).toEqual(['Instance Portal', 'My App'])
      expect(told(config.join('|'))).toEqual([`PORTAL_CONFIG, entry ${config.indexOf(bad) + 1}: ${message}`])
    }
  })

  test('every problem has a fix', () => {
    const { problems } = parsePortalConfig('|x|#|a:b:c:d:e|localhost:1:2:lab:|localhost:1:3:/a:b:c')
    expect(problems.length).toBeGreaterThan(5)
    for (const { fix } of problems) expect(fix).toMatch(/^\S.*\S$/)
  })
})

describe('what is taken as it is meant', () => {
  test('nothing at all is no application and no problem', () => {
    for (const config of ['', ' ', '\n']) expect(parsePortalConfig(config)).toEqual({ applications: [], problems: [] })
  })

  test('blanks and line ends around fields do not count', () => {
    expect(parsePortalConfig(' localhost : 1 : 2 : /x : My App \n|\n localhost:3:4:/:B ').applications).toEqual([
      app('My App', 1, 2, '/x'),
      app('B', 3, 4),
    ])
  })

  test('an empty path is /; one without a slash gets it, and is told', () => {
    expect(parsePortalConfig('localhost:1:2::A')).toEqual({ applications: [app('A', 1, 2)], problems: [] })
    expect(parsePortalConfig('localhost:1:2:lab:A').applications).toEqual([app('A', 1, 2, '/lab')])
    expect(told('localhost:1:2:lab:A')).toEqual(['PORTAL_CONFIG, entry 1: A: open_path is lab, taken as /lab'])
  })

  test('a colon belongs to the name; where it may have been meant for the path, that is told', () => {
    expect(parsePortalConfig('localhost:1:2:/:Studio: Video')).toEqual({
      applications: [app('Studio: Video', 1, 2)],
      problems: [],
    })
    expect(names('localhost:1:2:/?u=http://x/:App')).toEqual(['//x/:App'])
    expect(told('localhost:1:2:/?u=http://x/:App')).toEqual([
      'PORTAL_CONFIG, entry 1: its name is //x/:App, with the colon',
    ])
  })

  test('two of one name are kept, the second under a name of its own', () => {
    expect(names('localhost:1:2:/:A|localhost:3:4:/:A|localhost:5:6:/:A')).toEqual(['A', 'A (2)', 'A (3)'])
    expect(told('localhost:1:2:/:A|localhost:3:4:/:A')).toEqual([
      'PORTAL_CONFIG, entry 2: a second A; it is called A (2)',
    ])
    expect(names('localhost:1:2:/:A (2)|localhost:3:4:/:A|localhost:5:6:/:A')).toEqual(['A (2)', 'A', 'A (3)'])
  })

  test('one without a name is called after its port', () => {
    expect(names('localhost:1:2:/:')).toEqual(['Port 1'])
  })

  test('links only may share a port with a proxied application, and with each other', () => {
    const config = 'localhost:80:80:/a:A|localhost:80:8080:/:B|localhost:80:80:/c:C'
    expect(parsePortalConfig(config).problems).toEqual([])
  })

  test('an IPv6 address stands in brackets', () => {
    expect(parsePortalConfig('[::1]:1:2:/:A').applications).toEqual([app('A', 1, 2, '/', '[::1]')])
  })

  test('a name cannot make a line of its own', () => {
    expect(names('localhost:1:2:/:A\nB\u0000C')).toEqual(['A B C'])
  })
})

describe('any text at all', () => {
  const random = openRandom()
  const { many, pick, below } = random
  const atoms = [
    '|',
    '|',
    ':',
    ':',
    ':',
    ':',
    'localhost',
    '127.0.0.1',
    '80',
    '8080',
    '65536',
    '/',
    '/x',
    'App',
    ' ',
    '#',
    '\n',
    '[::1]',
    '"',
    '{',
    'é',
    '\0',
    "'",
    '__proto__',
  ]
  const noise = (): string => many(below(12), () => pick(atoms)).join('')
  const entry = (index: number): string =>
    `localhost:${1000 + index}:${2000 + index}:/${pick(['', 'a', 'b c'])}:Name ${index}`

  test('never throws, and takes no good entry down with it', () => {
    for (const entries of many(3000, () => many(3 + below(4), noise))) {
      const good = [entry(0), entry(1)]
      entries[1 + below(2)] = good[0]!
      entries.splice(below(2) * entries.length, 0, good[1]!)
      const { applications } = parsePortalConfig(entries.join('|'))
      for (const each of good)
        expect(applications, `SEED=${random.seed} ${JSON.stringify(entries)}`).toContainEqual(
          parsePortalConfig(each).applications[0],
        )
    }
  })

  test('what it has understood it renders, and understands again in the same way', () => {
    for (const text of many(3000, () => many(1 + below(5), noise).join('|'))) {
      const { applications } = parsePortalConfig(text)
      const again = parsePortalConfig(renderPortalConfig(applications))
      const same = (each: Application): boolean => !each.open_path.includes(':')
      expect(applications.every(same)).toBe(true)
      expect(again.applications, `SEED=${random.seed} ${JSON.stringify(text)}`).toEqual(applications)
    }
  })

  test('a quarter of a megabyte takes no time', () => {
    for (const piece of ['localhost:1:1:/:A|', '|', ':', 'a:1:1::|', 'localhost:1:1:/:A (2)|'])
      expect(parsePortalConfig(piece.repeat(262_144 / piece.length))).toBeDefined()
  }, 5000)
})
