import { expect, test } from 'vitest'
import { RenderedValue, XmlRpcFault, XmlRpcSyntaxError } from '../../../supervisor/xmlrpc/codec.ts'
import { parseJsonResponse, renderJsonFault, renderJsonResponse } from '../../../supervisor/xmlrpc/json-form.ts'

const read = (text: string) => parseJsonResponse(Buffer.from(text))

test.each([[7], [true], [null], ['a"\\\n\u0007<é😀'], [[]], [[1, [2, 'x'], { a: '' }]], [{ 'a"b': 1, '': [] }]])(
  '%j is read as it was written',
  value => expect(read(renderJsonResponse(value))).toEqual(value),
)

test('a value rendered before stands as it is, alone and inside others', () => {
  const value = new RenderedValue('{"a":7}')
  expect(read(renderJsonResponse([value, { b: value }]))).toEqual([{ a: 7 }, { b: { a: 7 } }])
  expect(read(value.response(renderJsonResponse).toString())).toEqual({ a: 7 })
})

test('a fault is thrown', () => {
  expect(() => read(renderJsonFault(10, 'BAD_NAME: "x"'))).toThrow(new XmlRpcFault(10, 'BAD_NAME: "x"'))
})

test.each([
  '',
  'nonsense',
  'null',
  '7',
  '{}',
  '{"error":{}}',
  '{"error":{"code":"1","message":"x"}}',
  '{"error":null}',
])('%j is no answer', text => expect(() => read(text)).toThrow(XmlRpcSyntaxError))

test.each([Number.NaN, Number.NEGATIVE_INFINITY])('%d has no form', number => {
  expect(() => renderJsonResponse([{ number }])).toThrow(TypeError)
})
