/** An application behind the gateway, run inside an instance: `upstream PORT NAME`. Says what it was asked, and streams. */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const [, , port, name = 'app'] = process.argv

const server = createServer((request, response) => {
  const { url = '', method, headers } = request
  const path = url.split('?')[0]
  if (path === '/sse') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    // longer than what encoders hold back, and short
    response.write(`data: ${'x'.repeat(4000)}\n\n`)
    const timer = setInterval(() => response.write('data: more\n\n'), 50)
    request.once('close', () => clearInterval(timer))
    return
  }
  let bytes = 0
  request.on('data', part => {
    bytes += part.length
  })
  request.on('end', () => {
    if (path === '/text')
      return response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 5000 }).end('text '.repeat(1000))
    if (path === '/own-502') return response.writeHead(502).end('my own')
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Set-Cookie': 'app=1; Path=/',
      'X-Portal-Placeholder': 'of the application',
    })
    response.end(method === 'HEAD' ? '' : JSON.stringify({ name, url, method, headers, bytes }))
  })
})

new WebSocketServer({ server }).on('connection', (socket, { headers, url }) => {
  socket.send(JSON.stringify({ name, url, headers }))
  socket.on('message', message => socket.send(`echo ${message}`))
})

server.listen(Number(port), '127.0.0.1')
