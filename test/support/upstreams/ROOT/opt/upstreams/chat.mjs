// An application that lives by one WebSocket: each line comes back with the number of its connection and its own.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const PAGE = `<!doctype html><title>Chat</title><h1>Chat</h1>
<form><input aria-label="Line" autofocus></form><ol></ol>
<script>
const socket = new WebSocket(location.href.replace('http', 'ws'))
const add = text => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }))
socket.onmessage = ({ data }) => add(data)
socket.onclose = () => add('the connection is lost')
document.forms[0].onsubmit = event => {
  event.preventDefault()
  socket.send(document.querySelector('input').value)
  document.forms[0].reset()
}
</script>`

const server = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.end(PAGE)
})

let connections = 0
new WebSocketServer({ server }).on('connection', socket => {
  const connection = ++connections
  let lines = 0
  socket.send(`connection ${connection}`)
  socket.on('message', line => socket.send(`connection ${connection}, line ${++lines}: ${line}`))
})

server.listen(17001, '127.0.0.1', () => console.log('chat: listening on 17001'))
