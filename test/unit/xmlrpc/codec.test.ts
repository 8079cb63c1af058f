import { describe, expect, test } from 'vitest'
import {
  escapeText,
  limits,
  parseCall,
  parseResponse,
  RenderedValue,
  renderCall,
  renderFault,
  renderResponse,
  XmlRpcFault,
  XmlRpcSyntaxError,
  type XmlRpcValue,
} from '../../../supervisor/xmlrpc/codec.ts'

const call = (value: string): string =>
  `<?xml version="1.0"?><methodCall><methodName>m</methodName><params><param>${value}</param></params></methodCall>`
const read = (value: string): XmlRpcValue => parseCall(call(value)).params[0]!

describe('what is written is what Python writes', () => {
  // python3 -c 'import xmlrpc.client as x; print(repr(x.dumps(…)))'
  test('call', () => {
    expect(renderCall('m.n', ['a&<>"\'é', 1, true, [1, []], { a: 'b', n: {} }, 1.5])).toBe(
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>m.n</methodName>\n<params>\n" +
        '<param>\n<value><string>a&amp;&lt;&gt;"\'é</string></value>\n</param>\n' +
        '<param>\n<value><int>1</int></value>\n</param>\n' +
        '<param>\n<value><boolean>1</boolean></value>\n</param>\n' +
        '<param>\n<value><array><data>\n<value><int>1</int></value>\n<value><array><data>\n</data></array></value>\n' +
        '</data></array></value>\n</param>\n' +
        '<param>\n<value><struct>\n<member>\n<name>a</name>\n<value><string>b</string></value>\n</member>\n' +
        '<member>\n<name>n</name>\n<value><struct>\n</struct></value>\n</member>\n</struct></value>\n</param>\n' +
        '<param>\n<value><double>1.5</double></value>\n</param>\n</params>\n</methodCall>\n',
    )
  })

  test('call without parameters', () => {
    expect(renderCall('m', [])).toBe(
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>m</methodName>\n<params>\n</params>\n</methodCall>\n",
    )
  })

  test('answer', () => {
    expect(renderResponse([])).toBe(
      "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n" +
        '<value><array><data>\n</data></array></value>\n</param>\n</params>\n</methodResponse>\n',
    )
  })

  test('fault', () => {
    expect(renderFault(10, 'BAD_NAME: x')).toBe(
      "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n" +
        '<value><int>10</int></value>\n</member>\n<member>\n<name>faultString</name>\n' +
        '<value><string>BAD_NAME: x</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n',
    )
  })

  test('characters that XML excludes become U+FFFD, TAB and line ends stay', () => {
    expect(escapeText('\u001b[1m\ta\r\n\u0000\ud800\uffffb😀')).toBe('\ufffd[1m\ta\r\n\ufffd\ufffd\ufffdb😀')
  })

  test('an integer beyond 32 bits is written in full', () => {
    expect(renderResponse(2 ** 31)).toContain('<int>2147483648</int>')
    expect(renderResponse(-0)).toContain('<int>0</int>')
  })

  test('a value rendered before stands as it is, alone and inside others', () => {
    const value = new RenderedValue('<int>7</int>')
    expect(parseResponse(renderResponse([value, 'x']))).toEqual([7, 'x'])
    expect(value.response(renderResponse).toString()).toBe(renderResponse(7))
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d has no form', number => {
    expect(() => renderResponse(number)).toThrow(TypeError)
  })
})

describe('what clients send is read', () => {
  test.each<[string, XmlRpcValue]>([
    ['<value><int> 7 </int></value>', 7],
    ['<value><i4>-7</i4></value>', -7],
    ['<value><boolean>0</boolean></value>', false],
    ['<value><double>1.5e1</double></value>', 15],
    ['<value><string>a &amp; &#233;&#xe9; &quot;&apos;</string></value>', 'a & éé "\''],
    ['<value><string/></value>', ''],
    ['<value> untyped </value>', ' untyped '],
    ['<value></value>', ''],
    ['<value/>', ''],
    ['<value><nil/></value>', null],
    ['<value><i8>5</i8></value>', '5'],
    ['<value><dateTime.iso8601>20261121T00:00:00</dateTime.iso8601></value>', '20261121T00:00:00'],
    ['<value><base64>aMOp\nbGxv</base64></value>', 'héllo'],
    ['<value><![CDATA[a<b&amp;]]></value>', 'a<b&amp;'],
    ['<value><string>a<!-- no -->b</string></value>', 'ab'],
    ['<value>a\r\nb\rc&#13;</value>', 'a\nb\nc\r'],
    ['<value>\n <array> <data> <value>a</value> </data> </array> </value>', ['a']],
    ['<value><array><data/></array></value>', []],
    ['<value><struct><member><name>a</name><value><int>1</int></value></member></struct></value>', { a: 1 }],
    ['<value type="x"><int a=\'1\' b="2>">3</int></value>', 3],
    ['<value xmlns:ex="urn:x"><ex:i8>5</ex:i8></value>', '5'],
  ])('%s', (xml, value) => expect(read(xml)).toEqual(value))

  test.each([
    ['<methodCall><methodName>m</methodName></methodCall>'],
    ['<methodCall><methodName>m</methodName><params/></methodCall>'],
    ['\n<methodCall>\n <methodName>m</methodName>\n <params>\n </params>\n</methodCall>\n<!-- bye -->'],
    ['\ufeff<?xml version="1.0"?><methodCall><methodName>m</methodName><params></params></methodCall>'],
  ])('no parameters: %s', xml => expect(parseCall(xml)).toEqual({ method: 'm', params: [] }))

  test('blanks inside the method name are part of it', () => {
    expect(parseCall('<methodCall><methodName> m </methodName></methodCall>').method).toBe(' m ')
  })

  test('members have no prototype to reach', () => {
    const value = read(
      '<value><struct><member><name>__proto__</name><value>p</value></member>' +
        '<member><name>constructor</name><value>c</value></member></struct></value>',
    )
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect(Object.entries(value!)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ])
  })

  test.each<[string, BufferEncoding]>([
    ['utf-8', 'utf8'],
    ['ISO-8859-1', 'latin1'],
  ])('declared encoding %s is honoured', (name, encoding) => {
    const xml = `<?xml version="1.0" encoding="${name}"?><methodCall><methodName>é</methodName></methodCall>`
    expect(parseCall(Buffer.from(xml, encoding)).method).toBe('é')
  })
})

describe('what is no call is refused', () => {
  const deep = (levels: number): string =>
    '<value><array><data>'.repeat(levels) + '</data></array></value>'.repeat(levels)

  test.each([
    [''],
    ['this is not xml'],
    ['<methodCall>'],
    ['<methodResponse><params/></methodResponse>'],
    ['<methodCall></methodCall><more/>'],
    [call('<value><int>1.5</int></value>')],
    [call('<value><int></int></value>')],
    [call('<value><int/></value>')],
    [call(`<value><int>${'9'.repeat(400)}</int></value>`)],
    [call('<value><boolean>yes</boolean></value>')],
    [call('<value><boolean>constructor</boolean></value>')],
    [call('<value><double>inf</double></value>')],
    [call('<value><base64>*</base64></value>')],
    [call('<value><nil>x</nil></value>')],
    [call('<value>a<int>1</int></value>')],
    [call('<value><int>1</int>a</value>')],
    [call('<value><int>1</string></value>')],
    [call('<value><ex:int>1</ex:int></value>')],
    [call('<value>&nothing;</value>')],
    [call('<value>&toString;</value>')],
    [call('<value>a & b</value>')],
    [call('<value>&#27;</value>')],
    [call('<value>&#xd800;</value>')],
    [call('<value>\u001b</value>')],
    [call('<value a=b></value>')],
    [call('<value a="</value>')],
    [call('<value')],
    [call('<value><![CDATA[</value>')],
    [call('<value><!-- </value>')],
    [call('x<value>1</value>')],
    [call(deep(limits.depth + 2))],
    ['<!DOCTYPE methodCall [<!ENTITY a "aaaa">]><methodCall><methodName>&a;</methodName></methodCall>'],
    ['<?xml version="1.0" encoding="utf-16"?><methodCall><methodName>m</methodName></methodCall>'],
  ])('%s', xml => expect(() => parseCall(Buffer.from(xml))).toThrow(XmlRpcSyntaxError))

  test.each([
    ['<methodCall></methodCall>'],
    ['<methodCall><methodName/></methodCall>'],
    ['<methodCall><methodName></methodName></methodCall>'],
  ])('without a method: %s', xml => expect(() => parseCall(xml)).toThrow('no method name'))

  test('bytes that are not of the declared encoding', () => {
    expect(() => parseCall(Buffer.from(call('<value>\xe9</value>'), 'latin1'))).toThrow('not UTF-8')
    const ascii = `<?xml version="1.0" encoding="us-ascii"?>${call('<value>é</value>').slice(21)}`
    expect(() => parseCall(Buffer.from(ascii))).toThrow('not us-ascii')
  })

  test('nesting up to the limit is read', () => {
    expect(() => read(deep(limits.depth + 1))).not.toThrow()
  })

  test('longer than the limit', () => {
    expect(() => parseCall(Buffer.alloc(limits.callBytes + 1, 32))).toThrow('longer than')
  })
})

describe('answers are read', () => {
  const value = {
    name: 'x',
    list: [1, true, 'a\nb', []],
    now: 1_795_230_630,
    __proto__: null,
  } as unknown as XmlRpcValue

  test('a value that was written', () => {
    expect(parseResponse(renderResponse(value))).toEqual(value)
    expect(parseResponse(Buffer.from(renderResponse(value)))).toEqual(value)
  })

  test('a fault is thrown with its code and text', () => {
    const reading = () => parseResponse(renderFault(70, 'NOT_RUNNING: x'))
    expect(reading).toThrow(XmlRpcFault)
    expect(reading).toThrow(expect.objectContaining({ code: 70, text: 'NOT_RUNNING: x' }))
  })

  test('control characters of an original server are let through', () => {
    const xml = renderResponse('x').replace('>x<', '>\u001b[1m<')
    expect(parseResponse(xml)).toBe('\u001b[1m')
  })

  test.each([
    '',
    'HTTP/1.1 200 OK',
    '<methodResponse></methodResponse>',
    '<methodResponse><params></params></methodResponse>',
    '<methodResponse><fault><value>x</value></fault></methodResponse>',
    '<methodResponse><fault><value><nil/></value></fault></methodResponse>',
    `${renderResponse(1)}<x/>`,
  ])('no answer: %s', xml => expect(() => parseResponse(xml)).toThrow(XmlRpcSyntaxError))
})

describe('a listing, whose structs are alike', () => {
  const rows = (...values: Parameters<typeof renderResponse>[0][]) => parseResponse(renderResponse(values))
  const one = { name: 'a', pid: 1, running: true, spawnerr: '' }

  test.each<[string, Parameters<typeof renderResponse>[0][]]>([
    ['alike', [one, { ...one, name: 'b', pid: -2, running: false }, { ...one, name: 'ä\n' }]],
    ['with entities', [one, { ...one, name: '<&>' }, one, { ...one, name: ']]>' }, one]],
    ['with entities in the first', [{ ...one, name: '<string>&</string>' }, one, one]],
    ['with other types', [one, { ...one, pid: 'none' }, one, { ...one, pid: 1.5 }, { ...one, pid: null }, one]],
    ['with other members', [one, { name: 'b' }, { ...one, more: 1 }, one, {}, one]],
    ['in another order', [one, { pid: 2, name: 'b', running: true, spawnerr: '' }, one]],
    [
      'with structs in them',
      [
        { ...one, inner: { name: 'x' } },
        { ...one, inner: { name: 'y' } },
      ],
    ],
    ['with lists in them', [{ list: ['x'] }, { list: ['y'] }, { list: [] }]],
    ['with things in between', [one, 'text', one, one, [one, one], one]],
    ['that are empty', [{}, {}, one]],
  ])('%s', (_, values) => {
    expect(rows(...values)).toEqual(values)
  })

  test('its members may be called anything', () => {
    const odd = JSON.parse('{"__proto__": 1, "constructor": "x", "a.b*": true}')
    expect(rows(odd, odd)).toEqual([odd, odd])
  })

  test('what is written unusually is read all the same', () => {
    const item = (value: string) => `<value><struct><member><name>a</name>${value}</member></struct></value>`
    const items = [
      '<value><int>1</int></value>',
      '<value>\n<int> 2 </int></value>',
      '<value><i4>3</i4></value>',
      '<value><!-- <int>9</int> --><int>4</int></value>',
      '<value>five</value>',
    ]
    const listing = (values: readonly string[]) =>
      parseResponse(`<methodResponse><params><param><value><array><data> ${values.map(item).join(' ')}
        </data></array></value></param></params></methodResponse>`)
    expect(listing(items)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }, { a: 'five' }])
    expect(listing(items.toReversed())).toEqual([{ a: 'five' }, { a: 4 }, { a: 3 }, { a: 2 }, { a: 1 }])
    expect(() => listing([items[0]!, '<value><int>x</int></value>'])).toThrow('not a value of type int')
  })
})

test('reading takes time in proportion to length', () => {
  const hostile = [
    (n: number) => '<'.repeat(n),
    (n: number) => `<a ${'b="c" '.repeat(n)}`,
    (n: number) => call(`<value>${'&amp'.repeat(n)}</value>`),
    (n: number) => call(`<value>${'<!---->'.repeat(n)}</value>`),
    (n: number) => call(`<value>${'<![CDATA[x]]>'.repeat(n)}</value>`),
    (n: number) => `<methodCall>${'\n'.repeat(n)}x`,
    (n: number) => call(`<value><base64>${' '.repeat(n)}*</base64></value>`),
  ]
  for (const document of hostile) {
    const began = performance.now()
    try {
      parseCall(document(1_000_000))
    } catch (error) {
      expect(error).toBeInstanceOf(XmlRpcSyntaxError)
    }
    // less than a second; quadratic time would be minutes
    expect(performance.now() - began).toBeLessThan(30_000)
  }
})
