// An application with pages and forms. Its settings are a file that people break: then it says so, and ends with 78.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const [settingsFile, notesFile] = ['/workspace/notes.json', '/workspace/notes.txt']

let title = 'Notes'
try {
  if (existsSync(settingsFile)) ({ title } = JSON.parse(readFileSync(settingsFile, 'utf8')))
} catch (error) {
  console.error(`notes: cannot read ${settingsFile}: ${error.message}`)
  process.exit(78)
}

const escaped = part => part.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

createServer(async (request, response) => {
  if (request.method === 'POST') {
    appendFileSync(notesFile, `${new URLSearchParams(await text(request)).get('note')}\n`)
    return response.writeHead(303, { Location: '/' }).end()
  }
  const notes = existsSync(notesFile) ? readFileSync(notesFile, 'utf8').trimEnd().split('\n') : []
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.end(
    `<!doctype html><title>${escaped(title)}</title><h1>${escaped(title)}</h1>` +
      `<ul>${notes.map(note => `<li>${escaped(note)}`).join('')}</ul>` +
      '<form method="post"><input name="note" aria-label="Note" autofocus><button>Keep</button></form>',
  )
}).listen(17000, '127.0.0.1', () => console.log('notes: listening on 17000'))
