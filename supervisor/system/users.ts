import { groupById, groupByName, groupsOf, type Passwd, passwdById, passwdByName } from './native.ts'
import type { User, Users } from './system.ts'

const userOf = (entry: Passwd | null): User | null =>
  entry && { name: entry.pw_name, uid: entry.pw_uid, gid: entry.pw_gid, home: entry.pw_dir }
const groupOf = (entry: { gr_name: string; gr_gid: number } | null) =>
  entry && { name: entry.gr_name, gid: entry.gr_gid }

export const users: Users = {
  userByName: name => userOf(passwdByName(name)),
  userById: uid => userOf(passwdById(uid)),
  groupByName: name => groupOf(groupByName(name)),
  groupById: gid => groupOf(groupById(gid)),
  groupsOf: user => groupsOf(user.name, user.gid),
}
