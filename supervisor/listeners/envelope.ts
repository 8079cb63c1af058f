/**
 * How an event is put before a listener: one line of tokens, then the payload.
 * Source: contract 11.2
 */
import { countCodePoints } from './payload.ts'

export interface Envelope {
  /** identifier of the daemon */
  readonly server: string
  /** counts the events of the daemon, from 0; the same in every pool and at every attempt */
  readonly serial: number
  readonly pool: string
  /** counts the events of the pool, from 0; the same at every attempt */
  readonly poolserial: number
  readonly eventname: string
  readonly payload: string
}

/**
 * `ver:3.0 server:supervisor serial:21 pool:l poolserial:10 eventname:TICK_5 len:15\nwhen:1201063880`, in UTF-8.
 * `len` counts code points, not bytes: listeners read characters.
 */
export function renderEnvelope({ server, serial, pool, poolserial, eventname, payload }: Envelope): Uint8Array {
  const body = Buffer.from(payload)
  const length = countCodePoints(payload, body)
  const header = `ver:3.0 server:${server} serial:${serial} pool:${pool} poolserial:${poolserial} eventname:${eventname} len:${length}\n`
  return Buffer.concat([Buffer.from(header), body])
}
