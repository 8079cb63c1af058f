/** EVENTS.md, out of the table of event types. */
import { type ConcreteEventType, type EventData, type EventType, eventTypes, renderPayload } from './event-types.ts'

const names = Object.keys(eventTypes) as readonly EventType[]

const depth = (type: EventType): number => {
  const { parent } = eventTypes[type]
  return parent === null ? 0 : 1 + depth(parent as EventType)
}

/** Newlines are shown as `\n`: whether there is one at the end matters. */
function example(type: EventType): string {
  const { payload } = eventTypes[type]
  if (payload === null) return '*everything below it*'
  const data = eventTypes[type as ConcreteEventType].example as EventData<ConcreteEventType>
  const text = renderPayload(type as ConcreteEventType, data)
  return text === '' ? '*empty*' : `\`${text.replaceAll('\n', '\\n')}\``
}

export function renderEventsReference(): string {
  const rows = names.map(
    type =>
      `| ${'&nbsp;&nbsp;'.repeat(depth(type))}\`${type}\` | ${eventTypes[type].doc.replaceAll('|', '\\|')} | ${example(type)} |`,
  )
  return `# Events

<!-- Made from event-types.ts by \`npm run docs\`. -->

An \`[eventlistener:x]\` names in \`events=\` what it wants to hear: one or more types, in any case, separated by commas. A type
stands for everything below it.

| Type | When | Payload |
|---|---|---|
${rows.join('\n')}

Bytes of a child that are not UTF-8 appear as \`Undecodable: b'\\xff\\xe9'\`.

## What a listener reads

On its stdin, one line of tokens and the payload behind it:

\`\`\`
ver:3.0 server:supervisor serial:21 pool:x poolserial:10 eventname:TICK_60 len:15
when:1201063860
\`\`\`

| Token | Meaning |
|---|---|
| \`ver\` | version of the protocol |
| \`server\` | identifier of the daemon |
| \`serial\` | counts the events of the daemon that anybody listens to, from 0; the same in every pool and at every attempt |
| \`pool\` | the \`x\` of \`[eventlistener:x]\` |
| \`poolserial\` | counts the events of the pool, from 0; the same at every attempt |
| \`eventname\` | one of the types above |
| \`len\` | characters of the payload: Unicode code points, not bytes. The payload is UTF-8 |

## What it says

On its stdout, and nothing else. Its stderr is an ordinary log.

| It is | It says | Then |
|---|---|---|
| just started, or done with an event | \`READY\\n\` | it may be sent an event |
| busy with an event | \`RESULT 2\\nOK\` | the event is done |
| busy with an event | \`RESULT 4\\nFAIL\`, or any other result of the given length in bytes | the event is rejected: it comes again, before all others |
| anything | anything else | it has broken the protocol: it gets no more events until it is started again |

Events that no process is ready for wait, \`buffer_size\` of them; then the oldest is discarded and the log says which. An event
whose listener ends before it answered comes again with the same serials, so a listener may hear an event twice.
`
}
