import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Env } from '../../../../programs/common/environment-file.ts'
import {
  findMisspelt,
  isSecret,
  mappedPort,
  readSettings,
  type SettingName,
  settingOf,
} from '../../../../programs/common/settings.ts'
import type { SettingRow } from '../../../../programs/common/settings-rows.ts'
import { settingRows, settingSections } from '../../../../programs/common/settings-table.ts'
import { openRandom } from '../../../support/random.ts'

const read = (env: Env) => readSettings(env, false)
const told = (env: Env): readonly string[] => read(env).problems.map(({ where, message }) => `${where}: ${message}`)

describe('the table', () => {
  const rows = Object.entries(settingRows) as [SettingName, SettingRow<unknown>][]

  test.each(rows)('%s: its default is a value without a complaint, and it says what it means', (name, row) => {
    const complaints: string[] = []
    for (const text of [row.default, ...Object.values(row.defaults ?? {})])
      expect(row.parse(text.replace('$WORKSPACE', '/w'), message => complaints.push(message))).not.toBeUndefined()
    expect(complaints).toEqual([])
    expect(row.doc).toMatch(/\S[.:]$/)
    expect(row.readBy).not.toBe('')
    expect(name).toMatch(/^[A-Za-z*][A-Za-z0-9_*]*$/)
  })

  test('every name stands once, as a setting or as an alias', () => {
    const names = rows.flatMap(([name, row]) => [name, ...(row.aliases ?? []).map(alias => alias.name)])
    expect(new Set(names).size).toBe(names.length)
    expect(settingSections.flatMap(({ rows: section }) => Object.keys(section))).toEqual(Object.keys(settingRows))
  })

  test('has every variable that the contract names', () => {
    const names = `
      IMAGE_TYPE DATA_DIRECTORY WORKSPACE PIP_BREAK_SYSTEM_PACKAGES DEBIAN_FRONTEND PYTHONUNBUFFERED TCLLIBPATH
      NVIDIA_DRIVER_CAPABILITIES UV_CACHE_DIR UV_NO_CACHE UV_LINK_MODE UV_PYTHON_BIN_DIR UV_PYTHON_INSTALL_DIR PYTHON_VERSION PATH
      COMFYUI_ARGS CONTAINER_ID CONTAINER_API_KEY VAST_CONTAINERLABEL CONTAINER_LABEL PUBLIC_IPADDR VAST_TCP_PORT_8080
      VAST_UDP_PORT_70000 OPEN_BUTTON_TOKEN JUPYTER_TOKEN JUPYTER_DIR JUPYTER_TYPE JUPYTER_SERVER_ROOT JUPYTER_SERVER_URL
      OPEN_BUTTON_PORT JUPYTER_PORT SSH_PUBLIC_KEY GPU_COUNT SERVERLESS BOOT_SCRIPT HOTFIX_SCRIPT PROVISIONING_MANIFEST
      PROVISIONING_SCRIPT PORTAL_CONFIG FORCE_JUPYTER JUPYTER_OVERRIDE HF_HOME DISABLE_FORWARD_COMPAT VAST_CUDA_MAX_OVERRIDE
      CUDA_HOME LD_LIBRARY_PATH VAST_CPU_THREAD_CEILING OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS
      NUMEXPR_NUM_THREADS NUMEXPR_MAX_THREADS VECLIB_MAXIMUM_THREADS RAYON_NUM_THREADS TOKIO_WORKER_THREADS ENV_ID ACTIVE_VENV
      VENV_BACKUP_COUNT PORTAL_VERSION PORTAL_REPO PORTAL_DOWNLOAD_URL PORTAL_FILENAME INSTANCE_TEST ENABLE_AGENT_BANNER
      ENABLE_HTTPS PROC_NAME DISABLE_PTY JUPYTER_BIN STCONFDIR STDATADIR MAX_RETRY TENSORBOARD_LOG_DIR
      TUNNEL_TRANSPORT_PROTOCOL SUPERVISOR_SKIP_PYWORKER propagate_user_keys export_env generate_tls_cert
      activate_python_environment sync_environment sync_home_to_workspace update_portal update_vast_cli ENABLE_AUTH
      AUTH_EXCLUDE WEB_USERNAME WEB_PASSWORD CADDY_ENABLE_COMPRESSION CADDY_FLUSH_INTERVAL CADDY_HEADER_UP_LOCALHOST
      CADDY_CORS_ALLOWED_ORIGINS CADDY_CORS_ALLOWED_METHODS CADDY_CORS_ALLOWED_HEADERS TUNNEL_MANAGER PORTAL_UNSTOPPABLE
      PORTAL_LINKS CLOUDFLARE_METRICS CF_TUNNEL_TOKEN HF_TOKEN HUGGING_FACE_HUB_TOKEN CIVITAI_TOKEN RCLONE_CONFIG
      PROVISIONER_RETRY_MAX PROVISIONER_RETRY_DELAY PROVISIONER_FAILURE_ACTION PROVISIONER_WEBHOOK_URL
      PROVISIONER_WEBHOOK_ON_SUCCESS PROVISIONER_LOG_FILE PROVISIONER_VENV PROVISIONER_CONDA_ENV PROVISIONER_STATE_DIR
      PROVISIONING_DOWNLOADS PROVISIONING_GIT_REPOS PROVISIONING_APT PROVISIONING_PIP PROVISIONING_CONDA
      PROVISIONING_POST_COMMANDS PROVISIONING_COMFYUI_WORKFLOWS SUPERVISOR_READY_TIMEOUT INSTANCE_TEST_RESULTS
      INSTANCE_TEST_LOG INSTANCE_TEST_PORT INSTANCE_TEST_DEFAULT_TIMEOUT INSTANCE_TEST_SYSTEM_LOG INSTANCE_TEST_WEBHOOK
      INSTANCE_TEST_REQUIRE_PASS EXPOSURE_ENFORCE PROV_STALL_TIMEOUT PROV_TIMEOUT PORTAL_READY_TIMEOUT CADDY_READY_TIMEOUT
      HTTP_CHECK_MAX_TIME TEST_NAME APT_PACKAGES PIP_PACKAGES SUPERVISOR_AUTOSTART MODEL_NAME VLLM_MODEL VLLM_ARGS
      SGLANG_MODEL SGLANG_ARGS LLAMA_MODEL LLAMA_ARGS OLLAMA_MODEL OLLAMA_ARGS OLLAMA_HOST OLLAMA_PORT OLLAMA_MODELS
      AUTO_PARALLEL USE_ALL_GPUS RAY_ARGS RAY_ADDRESS DISPLAY_WIDTH SELKIES_PORT TURN_SERVER VNC_PASSWORD XDG_RUNTIME_DIR
      WEB_ENABLE_AUTH WEB_USER USERNAME PASSWORD WEB_TOKEN CADDY_AUTH_COOKIE_NAME WEB_ENABLE_HTTPS CF_QUICK_TUNNELS SKIP_ACL
      PROVISION_URL SSH_PUBKEY PUBLIC_KEY SSH_PORT DIRECT_ADDRESS DIRECT_ADDRESS_GET_WAN SUPERVISOR_NO_AUTOSTART ENABLE_TTYD`
    expect(
      names
        .trim()
        .split(/\s+/)
        .filter(name => settingOf(name) === undefined),
    ).toEqual([])
  })
})

describe('readSettings', () => {
  test('defaults, which may be made of other settings', () => {
    const { settings, origins, problems, profile } = read({})
    expect(settings).toMatchObject({
      ENABLE_AUTH: true,
      ENABLE_HTTPS: false,
      WORKSPACE: '/workspace',
      WEB_USERNAME: 'vastai',
    })
    expect(settings).toMatchObject({
      HF_HOME: '/workspace/.hf_home',
      TENSORBOARD_LOG_DIR: '/workspace',
      GPU_COUNT: null,
    })
    expect([problems, profile, origins.size]).toEqual([[], 'vast', 0])
    expect(read({ WORKSPACE: '/data/' }).settings).toMatchObject({ WORKSPACE: '/data', HF_HOME: '/data/.hf_home' })
  })

  test('ENABLE_AUTH: only false turns it off, in any case; what is neither is told and protects', () => {
    for (const value of ['false', 'FALSE', ' False '])
      expect(read({ ENABLE_AUTH: value }).settings.ENABLE_AUTH).toBe(false)
    for (const value of ['true', 'TRUE', '0', 'no', 'flase', ''])
      expect(read({ ENABLE_AUTH: value }).settings.ENABLE_AUTH).toBe(true)
    expect(told({ ENABLE_AUTH: '0' })).toEqual(['ENABLE_AUTH: 0: is neither true nor false, and counts as true'])
    expect(told({ ENABLE_AUTH: '' })).toEqual([])
  })

  test('SERVERLESS and ENABLE_HTTPS: only true turns them on', () => {
    expect(read({ SERVERLESS: 'TrUe', ENABLE_HTTPS: '1' }).settings).toMatchObject({
      SERVERLESS: true,
      ENABLE_HTTPS: false,
    })
    expect(told({ ENABLE_HTTPS: '1' })).toEqual(['ENABLE_HTTPS: 1: is neither true nor false, and counts as false'])
  })

  test('AUTH_EXCLUDE: what is no port costs no other port anything', () => {
    expect(read({ AUTH_EXCLUDE: ' 80, x,443 ,,70000' }).settings.AUTH_EXCLUDE).toEqual([80, 443])
    expect(read({ AUTH_EXCLUDE: ' 80, x,443 ,,70000' }).problems).toHaveLength(2)
  })

  test('a bad value is its default, and told with what to write instead', () => {
    expect(read({ MAX_RETRY: 'soon', JUPYTER_TYPE: 'Lab', TUNNEL_TRANSPORT_PROTOCOL: 'tcp' }).settings).toMatchObject({
      ...{ MAX_RETRY: 30, JUPYTER_TYPE: 'lab', TUNNEL_TRANSPORT_PROTOCOL: 'http2' },
    })
    expect(read({ TUNNEL_TRANSPORT_PROTOCOL: 'tcp' }).problems).toEqual([
      { where: 'TUNNEL_TRANSPORT_PROTOCOL', message: 'tcp: is none of them', fix: 'write auto, http2, quic' },
    ])
  })

  test('a password of nothing but what was always removed is none, and is not shown', () => {
    const { settings, problems } = read({ WEB_PASSWORD: ';\r\n;' })
    expect(settings.WEB_PASSWORD).toBe('')
    expect(problems).toEqual([
      { where: 'WEB_PASSWORD', message: 'has nothing in it that counts', fix: 'choose another one' },
    ])
    expect(
      JSON.stringify(read({ WEB_PASSWORD: 'a', PASSWORD: 'secret-1', BOSUN_PROFILE: 'codechips' }).problems),
    ).not.toContain('secret-1')
  })

  test('ports that the platform has mapped', () => {
    const { settings, problems } = read({
      VAST_TCP_PORT_1111: '40001',
      VAST_UDP_PORT_1111: '40002',
      VAST_TCP_PORT_80: 'x',
      VAST_TCP_PORT_: '1',
    })
    expect([mappedPort(settings, 1111), mappedPort(settings, 1111, 'UDP'), mappedPort(settings, 80)]).toEqual([
      40001,
      40002,
      undefined,
    ])
    expect(problems.map(({ where }) => where)).toEqual(['VAST_TCP_PORT_80'])
  })

  test('CADDY_HEADER_UP_LOCALHOST: all, none, or some', () => {
    const header = (value: string) => read({ CADDY_HEADER_UP_LOCALHOST: value }).settings.CADDY_HEADER_UP_LOCALHOST
    expect([header('TRUE'), header('false'), header(''), header('80, 81')]).toEqual(['all', [], [], [80, 81]])
  })
})

describe('names of other families', () => {
  test('count where ours is not set, and tell whose they are', () => {
    const { settings, origins, problems } = read({
      WEB_USER: 'joe',
      WEB_ENABLE_AUTH: 'false',
      PROVISION_URL: 'https://x',
    })
    expect(settings).toMatchObject({ WEB_USERNAME: 'joe', ENABLE_AUTH: false, PROVISIONING_MANIFEST: 'https://x' })
    expect(origins.get('WEB_USERNAME')).toEqual({ variable: 'WEB_USER', profile: 'ai-dock' })
    expect(problems).toEqual([])
  })

  test('two that say different things are told; ours counts', () => {
    const { settings, problems } = read({ ENABLE_AUTH: 'true', WEB_ENABLE_AUTH: 'false' })
    expect(settings.ENABLE_AUTH).toBe(true)
    expect(problems).toEqual([
      {
        where: 'WEB_ENABLE_AUTH',
        message: 'says something else than ENABLE_AUTH, which comes first',
        fix: 'remove WEB_ENABLE_AUTH, or ENABLE_AUTH',
      },
    ])
    expect(told({ ENABLE_AUTH: 'true', WEB_ENABLE_AUTH: 'true' })).toEqual([])
  })

  test('USERNAME and PASSWORD mean many things: they count in their own profile only', () => {
    const env = { USERNAME: 'me', PASSWORD: 'long-enough' }
    expect(read(env).settings).toMatchObject({ WEB_USERNAME: 'vastai', WEB_PASSWORD: '' })
    expect(read({ ...env, BOSUN_PROFILE: 'codechips' }).settings).toMatchObject({
      WEB_USERNAME: 'me',
      WEB_PASSWORD: 'long-enough',
    })
  })

  test('keys of all names are taken together, each once', () => {
    expect(read({ SSH_PUBLIC_KEY: 'a\nb', SSH_PUBKEY: 'b\n\nc' }).settings.SSH_PUBLIC_KEY).toEqual(['a', 'b', 'c'])
  })

  test('the profile: what is asked for, else ai-dock where its directory is and no PORTAL_CONFIG, else vast', () => {
    expect(readSettings({}, true)).toMatchObject({ profile: 'ai-dock', settings: { WEB_USERNAME: 'user' } })
    expect(readSettings({ PORTAL_CONFIG: 'x' }, true).profile).toBe('vast')
    expect(readSettings({ BOSUN_PROFILE: 'codechips' }, true)).toMatchObject({
      profile: 'codechips',
      settings: { CF_QUICK_TUNNELS: false },
    })
    expect(readSettings({ BOSUN_PROFILE: 'other' }, true)).toMatchObject({
      profile: 'ai-dock',
      problems: [{ where: 'BOSUN_PROFILE' }],
    })
  })
})

test('isSecret: by the table, and by how a name ends', () => {
  const yes = [
    'WEB_PASSWORD',
    'OPEN_BUTTON_TOKEN',
    'WEB_TOKEN',
    'PASSWORD',
    'OPENAI_API_KEY',
    'DB_PASSWD',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID',
    'HF_TOKEN_2',
    'WEB_PASSWORD_B64',
    'CLIENT_SECRET',
    'wandb_api_key',
    'TURN_PASSWORD',
    'PROVISIONER_WEBHOOK_URL',
  ]
  const no = [
    'PATH',
    'SSH_PUBLIC_KEY',
    'SSH_PUBKEY',
    'MAX_TOKENS',
    'TOKENIZERS_PARALLELISM',
    'KEYBOARD',
    'MONKEY',
    'WEB_USERNAME',
    'PORTAL_CONFIG',
  ]
  expect([...yes, ...no].filter(isSecret)).toEqual(yes)
})

describe('findMisspelt', () => {
  test('tells what is nearly a setting', () => {
    expect(findMisspelt({ WEB_PASWORD: 'x', enable_auth: '1', PORTALCONFIG: '', AUTH_EXLUDE: '' })).toEqual(
      [
        ['WEB_PASWORD', 'WEB_PASSWORD'],
        ['enable_auth', 'ENABLE_AUTH'],
        ['PORTALCONFIG', 'PORTAL_CONFIG'],
        ['AUTH_EXLUDE', 'AUTH_EXCLUDE'],
      ].map(([where, meant]) => ({
        where,
        message: 'is not known, and ignored',
        fix: `if you mean ${meant}, write that`,
      })),
    )
  })

  test('leaves alone what is usual', () => {
    const usual =
      'HOME USER LANG PWD SHLVL TERM HOSTNAME CPU_COUNT LC_ALL MANPATH CUDA_VERSION NV_CUDA_LIB_VERSION PYTORCH_VERSION NCCL_VERSION LIBRARY_PATH NVIDIA_VISIBLE_DEVICES http_proxy no_proxy DEBUG MAIL LOGNAME SHELL SSH_CONNECTION SSH_CLIENT SSH_TTY XDG_SESSION_ID TORCH_HOME'
    expect(findMisspelt(Object.fromEntries(usual.split(' ').map(name => [name, '1'])))).toEqual([])
  })
})

test('any environment: never throws, and every setting has a value', () => {
  const { many, pick, below, seed } = openRandom()
  const names = [
    ...Object.keys(settingRows).map(name => name.replace('*', 'X')),
    'WEB_USER',
    'SSH_PUBKEY',
    'USERNAME',
    '__proto__',
    '',
  ]
  const values = [
    '',
    ' ',
    'true',
    'FALSE',
    '0',
    '-1',
    '80',
    '99999999999999999999',
    '80,x',
    '/',
    '//a//',
    '..',
    '\n',
    '\0',
    'a;b',
    '#',
    '$WORKSPACE',
    '$&',
    'x'.repeat(10_000),
    '1.5',
    'NaN',
    '{}',
  ]
  for (const env of many(300, () => Object.fromEntries(many(below(12), () => [pick(names), pick(values)])))) {
    const { settings } = read(env)
    expect((Object.values(settings) as unknown[]).includes(undefined), `SEED=${seed} ${JSON.stringify(env)}`).toBe(
      false,
    )
  }
})

test('SETTINGS.md tells which are secret', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../../../programs/common/SETTINGS.md'), 'utf8')
  for (const [name, row] of Object.entries(settingRows) as [string, SettingRow<unknown>][])
    expect(page).toContain(`| \`${name}\`${row.secret ? ' 🔒' : ''}`)
})
