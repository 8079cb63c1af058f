/** Accounts of the image, as /etc/passwd has them. */
import { readFileSync } from 'node:fs'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** Lines that are none are skipped. */
export const parseAccounts = (passwd: string): readonly Account[] =>
  passwd.split('\n').flatMap(line => {
    const [name, , uid, gid, , home] = line.split(':')
    return name && /^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? '') && home
      ? [{ name, uid: Number(uid), gid: Number(gid), home }]
      : []
  })

export const readAccounts = (): readonly Account[] => parseAccounts(readFileSync('/etc/passwd', 'utf8'))
