import { type ServerResponse, STATUS_CODES } from 'node:http'

/** What the server calls itself. Source: contract 7.1 */
export const SERVER = 'Medusa/1.12'

/** The page that goes with every status but 200. Source: contract 7.1 "Error body" */
export const errorPage = (status: number): string =>
  [
    '<head>',
    '<title>Error response</title>',
    '</head>',
    '<body>',
    '<h1>Error response</h1>',
    `<p>Error code ${status}.`,
    `<p>Message: ${STATUS_CODES[status]}.`,
    '</body>',
    '',
  ].join('\r\n')

/** Answers with an error; `headers` are names and values in turn. Nothing may have been sent before. */
export function refuse(response: ServerResponse, status: number, headers: readonly string[] = []): void {
  const page = errorPage(status)
  response.writeHead(status, [
    ...['Server', SERVER],
    ...headers,
    ...['Content-Length', String(page.length), 'Content-Type', 'text/html'],
  ])
  response.end(page)
}
