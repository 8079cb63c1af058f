export interface ListenAddresses {
  readonly addresses: readonly string[]
  /** What keeps others from connecting to us; undefined when they can. */
  readonly problem: string | undefined
}

/** Syncthing finds a relay by it, and needs no port of ours. */
const RELAYS = 'dynamic+https://relays.syncthing.net/endpoint'

/**
 * The addresses that Syncthing listens on, from those it has: none without a port, which an instance of old has left behind;
 * the public one of the instance, where the platform says its port; and of a new configuration, relays in place of Syncthing's
 * default. What people have added stays. Source: contract 3.3 (syncthing.sh)
 */
export function reconcileListenAddresses(
  before: readonly string[],
  isNew: boolean,
  publicPort: string,
): ListenAddresses {
  const kept = before
    .map(address => (isNew && address === 'default' ? RELAYS : address))
    .filter(address => !/^(?:tcp|quic)\d?:\/\/[^/]*:$/.test(address))
  if (!/^[1-9]\d{0,4}$/.test(publicPort))
    return { addresses: kept, problem: `VAST_TCP_PORT_72299 is ${publicPort === '' ? 'not set' : 'no port'}` }
  const address = `tcp://0.0.0.0:${publicPort}`
  return { addresses: kept.includes(address) ? kept : [...kept, address], problem: undefined }
}
