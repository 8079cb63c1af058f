/** RPC.md, out of THE method table. */
import { faults } from '../xmlrpc/faults.ts'
import { type Method, signatureOf } from './method.ts'
import { methods } from './methods.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

function row([name, method]: readonly [string, Method]): string {
  const [returns, ...types] = signatureOf(method)
  const params = method.params.map(
    ({ name: param, default: absent }, index) => `${types[index]} ${param}${absent === undefined ? '' : `=${absent}`}`,
  )
  const shortName = name.slice(name.indexOf('.') + 1)
  return `| \`${shortName}(${params.join(', ')})\` | ${returns} | ${cell(method.doc)} ${cell(method.result)}. |`
}

const section = (namespace: string): string => {
  const rows = Object.entries(methods).filter(([name]) => name.startsWith(`${namespace}.`))
  return `## \`${namespace}.*\`

| Method | Answer | What it does |
|---|---|---|
${rows.map(row).join('\n')}
`
}

/** The text of supervisor/rpc/RPC.md. */
export const renderRpcReference = (): string => `# XML-RPC

<!-- Made from methods.ts by \`npm run docs\`. -->

\`POST /RPC2\` on any server. A process is named \`group:name\`, or \`name\` when the group has the same name;
\`group:*\` is the whole group. While the daemon stops or restarts, every \`supervisor.*\` method but \`sendRemoteCommEvent\`
answers the fault SHUTDOWN_STATE.

${section('supervisor')}
${section('system')}
## Faults

A fault is answered with HTTP status 200. Its text is the name, mostly followed by \`: \` and what it is about.

| Code | Name |
|---|---|
${Object.entries(faults)
  .map(([name, code]) => `| ${code} | ${name} |`)
  .join('\n')}
`
