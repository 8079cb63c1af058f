import { describe, expect, test } from 'vitest'
import { openLogger } from '../../../../programs/common/logger.ts'
import { maskSecrets } from '../../../../programs/common/secrets.ts'

describe('maskSecrets', () => {
  const env = {
    HF_TOKEN: 'hf_abc+/=',
    WEB_PASSWORD: 'p"w\\1',
    OPEN_BUTTON_TOKEN: '1',
    LONGER_TOKEN: 'hf_abc+/=and more',
    PLAIN: 'visible',
  }
  const mask = maskSecrets(env)

  test.each([
    ['token hf_abc+/= used', 'token *** used'],
    ['hf_abc+/=and more', '***'],
    [JSON.stringify({ password: 'p"w\\1' }), '{"password":"***"}'],
    ['?x=hf_abc%2B%2F%3D&y=1', '?x=***&y=1'],
    ['1 of 11 visible', '1 of 11 visible'],
    ['https://me:pass@host/x@y', 'https://***@host/x@y'],
    ['https://host/x?a=1&token=abc&b=2#c', 'https://host/x?a=1&token=***&b=2#c'],
    ['https://s3/x?X-Amz-Signature=abc&X-Amz-Date=1', 'https://s3/x?X-Amz-Signature=***&X-Amz-Date=1'],
    ['mail me@host or git@github.com:a/b', 'mail me@host or git@github.com:a/b'],
  ])('%s', (text, masked) => expect(mask(text)).toBe(masked))

  test('without any secret a text stays as it is', () => {
    expect(maskSecrets({ A: 'b' })('text with b')).toBe('text with b')
    expect(maskSecrets({ HF_TOKEN: '' })('')).toBe('')
  })
})

describe('openLogger', () => {
  const logged = (env: Record<string, string>, run: (log: ReturnType<typeof openLogger>) => void): string => {
    const lines: string[] = []
    run(openLogger('caddy', env, { write: line => lines.push(line) }))
    return lines.join('')
  }

  test('lines for people: time, level, what, and facts', () => {
    expect(logged({}, log => log.info({ sites: 3, name: 'x', list: [1] }, 'reloaded'))).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info reloaded sites=3 list=\[1\]\n$/,
    )
  })

  test('an error has its reason, and its stack where it is one', () => {
    const error = new Error('no such file')
    expect(logged({}, log => log.warn({ err: error }, 'cannot read'))).toMatch(/Z warn cannot read: no such file\n$/)
    expect(logged({}, log => log.error({ err: error }, 'cannot read'))).toMatch(
      /Z error cannot read: no such file\n {4}at .*\n/,
    )
  })

  test('what others say cannot look like a line of its own', () => {
    expect(logged({}, log => log.info('x\n2026-01-01 error \x1b[31m'))).toMatch(
      / info x\\x0a2026-01-01 error \\x1b\[31m\n$/,
    )
  })

  test('secrets do not get there, as text and as JSON, whatever they are part of', () => {
    const env = { HF_TOKEN: 'hf_abcdef', WEB_PASSWORD: 'level' }
    const say = (log: ReturnType<typeof openLogger>): void =>
      log.info({ at: 'x hf_abcdef', err: new Error('hf_abcdef') }, 'hf_abcdef')
    expect(logged(env, say)).not.toContain('hf_abcdef')
    const line = logged({ ...env, BOSUN_LOG_FORMAT: 'json' }, say)
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      name: 'caddy',
      at: 'x ***',
      msg: '***',
      err: { message: '***' },
    })
    expect(line).not.toContain('hf_abcdef')
  })

  test('says as much as BOSUN_LOG_LEVEL wants', () => {
    expect(logged({ BOSUN_LOG_LEVEL: 'error' }, log => log.warn('x'))).toBe('')
    expect(logged({ BOSUN_LOG_LEVEL: 'debug' }, log => log.debug('x'))).toContain('debug x')
  })
})
