import { expect, test } from 'vitest'
import { HttpStatusError } from '../../../supervisor/client/client.ts'
import { HttpProtocolError } from '../../../supervisor/client/response-reader.ts'
import { ServerUrlError } from '../../../supervisor/client/server-address.ts'
import { renderUnexpected } from '../../../supervisor/ctl/python-error.ts'
import { XmlRpcFault } from '../../../supervisor/xmlrpc/codec.ts'

const socket = (code: string, errno = -1) => Object.assign(new Error(`connect ${code} x`), { code, errno })

// Source: contract 9.3, 13.2
test.each([
  [new XmlRpcFault(6, 'SHUTDOWN_STATE'), "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"],
  [new XmlRpcFault(92, "it's"), `<class 'xmlrpc.client.Fault'>, <Fault 92: "it's">`],
  [
    new HttpStatusError(401, 'Unauthorized', '/RPC2'),
    "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>",
  ],
  [
    new HttpProtocolError('Remote end closed connection without response'),
    "<class 'http.client.RemoteDisconnected'>, Remote end closed connection without response",
  ],
  [
    new ServerUrlError('Unknown protocol for serverurl ftp://x'),
    "<class 'ValueError'>, Unknown protocol for serverurl ftp://x",
  ],
  [socket('ECONNREFUSED'), "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"],
  [socket('ENOENT'), "<class 'FileNotFoundError'>, [Errno 2] No such file or directory"],
  [socket('EACCES'), "<class 'PermissionError'>, [Errno 13] Permission denied"],
  [socket('ENOTFOUND'), "<class 'socket.gaierror'>, [Errno -2] Name or service not known"],
  [socket('EAI_AGAIN'), "<class 'socket.gaierror'>, [Errno -3] Temporary failure in name resolution"],
  [socket('EDQUOT', -122), "<class 'OSError'>, [Errno 122] connect EDQUOT x"],
  [new Error('odd'), "<class 'RuntimeError'>, odd"],
])('%s', (error, text) => {
  expect(renderUnexpected(error, '/bin/ctl')).toMatch(/^error: .*: file: \/\S+ line: \d+$/)
  expect(renderUnexpected(error, '/bin/ctl')).toContain(`error: ${text}: file: `)
})

test('an error out of Node names the program', () => {
  const error = Object.assign(new Error('x'), { stack: 'Error: x\n    at PipeConnectWrap (node:net:1:2)' })
  expect(renderUnexpected(error, '/bin/ctl')).toMatch(/: file: \/bin\/ctl line: 1$/)
  error.stack = 'Error: x\n    at run (/opt/ctl:12:3)\n    at /opt/other:1:2'
  expect(renderUnexpected(error, '/bin/ctl')).toMatch(/: file: \/opt\/ctl line: 12$/)
})
