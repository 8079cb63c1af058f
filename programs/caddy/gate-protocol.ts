/**
 * What Caddy and the gate say to each other about a request, as header names: the Caddyfile is written by them, and the gate
 * answers by them. They are set anew in both directions, whatever a client or an application has sent.
 */

/** Paths on the socket of the gate. */
export const gatePaths = {
  /** whether a request may pass, and as what */
  gate: '/gate',
  /** an application does not answer: what to say instead */
  notReady: '/not-ready',
  /** never ends: keeps a Caddy process that was told to end alive for its open connections */
  hold: '/hold',
} as const

/** Of the question. */
export const asked = {
  /** external port of the site */
  site: 'X-Gate-Site',
  method: 'X-Gate-Method',
  /** path and query as they came */
  uri: 'X-Gate-Uri',
  /** `http`, `https`: of the connection to Caddy */
  scheme: 'X-Gate-Scheme',
  /** address of who is connected to Caddy */
  peer: 'X-Gate-Peer',
  /** `websocket`: what it wants to become; the question itself is a plain request */
  upgrade: 'X-Gate-Upgrade',
  /** what a proxy before Caddy says the host was */
  forwardedHost: 'X-Gate-Forwarded-Host',
  /** why the application did not answer */
  error: 'X-Gate-Error',
} as const

/** Of the answer. Without a verdict it goes to the client as it is. */
export const answered = {
  verdict: 'X-Gate-Verdict',
  /** what the application gets for these */
  cookie: 'X-Gate-Cookie',
  authorization: 'X-Gate-Authorization',
  client: 'X-Gate-Client',
  proto: 'X-Gate-Proto',
  portalToken: 'X-Gate-Portal-Token',
  /** the query as it came, and as the application gets it */
  query: 'X-Gate-Query',
  newQuery: 'X-Gate-New-Query',
} as const

/** May pass; and what is done besides: a session cookie is set, the query is replaced. */
export const verdicts = {
  pass: 'pass',
  cookie: 'pass+cookie',
  query: 'pass+query',
  both: 'pass+cookie+query',
} as const
