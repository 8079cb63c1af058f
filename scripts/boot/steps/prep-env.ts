/** Workspace, Jupyter's entries in PORTAL_CONFIG, /etc/environment. Source: contract 2.4 (10), 2.5 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { ensureEnvironmentFile, readEnvironmentLayers } from '../../../programs/common/environment-file.ts'
import { type LaunchMode, readLaunchMode } from '../../../programs/common/launch-mode.ts'
import { parsePortalConfig } from '../../../programs/common/portal-config.ts'
import { renderProblem } from '../../../programs/common/problem.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { type Env, failed, ok, type StepOutcome, type StepTools } from '../step.ts'

/** Commands of a converted image that come first on PATH; its own Python must not be hidden by ours. */
const SHIMS = '/opt/sys-venv/shim'

export function prepEnv({ env }: StepTools): StepOutcome {
  const problems: string[] = []
  const attempt = (what: string, work: () => void): void => {
    try {
      work()
    } catch (error) {
      problems.push(`cannot ${what}: ${(error as Error).message}`)
    }
  }

  const { settings, problems: misread } = readSettings(env)
  problems.push(...misread.map(renderProblem))
  // as it was written: some families end it with a slash
  const workspace = env.WORKSPACE || settings.WORKSPACE
  const hub = env.HF_HOME || `${workspace.replace(/\/$/, '')}/.hf_home`
  attempt(`make the workspace ${workspace}`, () => mkdirSync(workspace, { recursive: true }))
  attempt(`make HF_HOME ${hub}`, () => mkdirSync(hub, { recursive: true }))
  attempt(`remove Python from ${SHIMS}`, unshimPython)

  const before = env.PORTAL_CONFIG ?? ''
  const portalConfig = editJupyterEntries(before, {
    mode: readLaunchMode(),
    isMapped: Boolean(env.VAST_TCP_PORT_8080),
    force: settings.FORCE_JUPYTER,
    override: settings.JUPYTER_OVERRIDE,
  })
  problems.push(...parsePortalConfig(portalConfig).problems.map(renderProblem))

  const exports = {
    WORKSPACE: workspace,
    HF_HOME: hub,
    ...(portalConfig === before ? {} : { PORTAL_CONFIG: portalConfig }),
  }
  const whole: Env = { ...env, ...exports }
  let wrote = false
  attempt('write /etc/environment', () => {
    wrote = ensureEnvironmentFile(whole)
  })
  problems.push(...readEnvironmentLayers(whole).flatMap(layer => layer.problems.map(renderProblem)))

  const change = { exports, cd: workspace }
  if (problems.length > 0) return failed(problems.join('; '), change)
  return ok(`workspace ${workspace}; /etc/environment ${wrote ? 'written' : 'kept'}`, change)
}

function unshimPython(): void {
  let names: readonly string[] = []
  try {
    names = readdirSync(SHIMS)
  } catch {} // not a converted image
  for (const name of names) if (/^(python$|python3|pip$|pip3)/.test(name)) rmSync(`${SHIMS}/${name}`)
}

export interface JupyterFacts {
  readonly mode: LaunchMode
  /** VAST_TCP_PORT_8080 is set. */
  readonly isMapped: boolean
  /** FORCE_JUPYTER is not false. */
  readonly force: boolean
  /** JUPYTER_OVERRIDE is true. */
  readonly override: boolean
}

const mentionsJupyter = (entry: string): boolean => /jupyter/i.test(entry)
const OURS = 'localhost:8080:18080:/:Jupyter|localhost:8080:8080:/terminals/1:Jupyter Terminal'

/** PORTAL_CONFIG with the entries of the Jupyter that will really run; all others stay as they are, also bad ones. */
export function editJupyterEntries(config: string, { mode, isMapped, force, override }: JupyterFacts): string {
  const entries = config === '' ? [] : config.split('|')
  const isUnwanted = !isMapped || (mode === 'ssh' && !override)
  const kept = isUnwanted ? entries.filter(entry => !mentionsJupyter(entry)) : entries
  const isMissing = force && mode === 'args' && isMapped && !kept.some(mentionsJupyter)
  const edited = (isMissing ? [...kept, OURS] : kept).join('|')
  // the platform's own server has the port to itself
  return mode === 'jupyter' && !override ? edited.replaceAll('localhost:8080:18080', 'localhost:8080:8080') : edited
}
