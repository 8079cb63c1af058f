const ESC = 0x1b
const BRACKET = 0x5b
const endsSequence = new Uint8Array(256)
for (const letter of 'HfABCDRsuJKhlpm') endsSequence[letter.charCodeAt(0)] = 1

/**
 * Cuts everything from `ESC [` up to and including the first of `H f A B C D R s u J K h l p m`, whatever stands between;
 * a sequence that does not end in this chunk takes the rest of it. Other sequences (`ESC ]`) stay.
 * Returns the chunk itself when there is nothing to cut, else a copy. Source: contract 6.4
 */
export function stripAnsi(chunk: Buffer): Buffer {
  let from = nextSequence(chunk, 0)
  if (from === -1) return chunk
  const kept = Buffer.allocUnsafe(chunk.length)
  let length = chunk.copy(kept, 0, 0, from)
  while (from !== -1) {
    let end = from + 2
    while (end < chunk.length && !endsSequence[chunk[end]!]) end++
    from = nextSequence(chunk, end + 1)
    length += chunk.copy(kept, length, Math.min(end + 1, chunk.length), from === -1 ? chunk.length : from)
  }
  return kept.subarray(0, length)
}

function nextSequence(chunk: Buffer, start: number): number {
  for (let at = chunk.indexOf(ESC, start); at !== -1; at = chunk.indexOf(ESC, at + 1)) {
    if (chunk[at + 1] === BRACKET) return at
  }
  return -1
}
