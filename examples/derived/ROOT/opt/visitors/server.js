// Counts its visitors, in a file of the workspace. For the Node of this image (Debian's 18), not that of bosun.
const { readFileSync, writeFileSync } = require('node:fs')
const { createServer } = require('node:http')

const file = 'visitors'

function countVisitor() {
  let count = 0
  try {
    count = Number(readFileSync(file, 'utf8'))
  } catch {} // the first one
  writeFileSync(file, String(count + 1))
  return count + 1
}

createServer((_request, response) => {
  response.end(`${process.env.VISITORS_GREETING}, visitor ${countVisitor()}. Node ${process.version}\n`)
}).listen(17000, '127.0.0.1', () => console.log('visitors: listening on 17000'))
