import type { Files, User, UserGroup, Users } from './system.ts'

/**
 * The user database out of /etc/passwd and /etc/group alone, for a command that only has to expand `~name` and must not
 * wait for koffi to load. The daemon asks the C library (users.ts).
 */
export function openPasswdFile(files: Files): Users {
  const entries = <T>(file: string, parse: (fields: readonly string[]) => T): readonly T[] =>
    files
      .read(file)
      .toString()
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => parse(line.split(':')))
  const all = () =>
    entries<User>('/etc/passwd', ([name = '', , uid, gid, , home = '']) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
    }))
  const allGroups = () =>
    entries<UserGroup & { members: readonly string[] }>('/etc/group', ([name = '', , gid, members = '']) => ({
      name,
      gid: Number(gid),
      members: members.split(','),
    }))
  return {
    userByName: name => all().find(user => user.name === name) ?? null,
    userById: uid => all().find(user => user.uid === uid) ?? null,
    groupByName: name => allGroups().find(group => group.name === name) ?? null,
    groupById: gid => allGroups().find(group => group.gid === gid) ?? null,
    groupsOf: ({ name, gid }) => [
      gid,
      ...allGroups()
        .filter(group => group.members.includes(name) && group.gid !== gid)
        .map(group => group.gid),
    ],
  }
}
