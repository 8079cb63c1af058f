/** `"8080"` → 8080; undefined unless it is a whole number from 1 to 65535, in decimal digits with nothing around them. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,6}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}
