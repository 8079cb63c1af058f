/** Where things are in an instance. Source: contract/vast-instance.md 1, 2.7, 10.1 */
export const paths = {
  // what people and images edit
  /** Its presence tells an image of that family. */
  aiDock: '/opt/ai-dock',
  environmentFile: '/etc/environment',
  portalYaml: '/etc/portal.yaml',
  portalLinks: '/etc/portal-links.yaml',
  provisioningManifest: '/provisioning.yaml',
  bootSteps: '/etc/vast_boot.d',
  supervisorConf: '/etc/supervisor/supervisord.conf',
  supervisorPrograms: '/etc/supervisor/conf.d',
  launchers: '/opt/supervisor-scripts',
  workspaceInternal: '/opt/workspace-internal',

  // markers: that they exist is what they say
  launch: '/.launch',
  provisioning: '/.provisioning',
  provisioningComplete: '/.provisioning_complete',
  provisioningFailed: '/.provisioning_failed',
  provisionerState: '/.provisioner_state',
  firstBootComplete: '/.first_boot_complete',
  environmentHash: '/.env_hash',
  /** A file per program that its gate sent away; mode 1777. */
  skipMarkers: '/tmp/supervisor-skip',
  selfSigned: '/etc/.instance-cert-selfsigned',
  bootFailures: '/var/log/vast_boot_failures',

  // what programs make
  caddyfile: '/etc/Caddyfile',
  instanceCertificate: '/etc/instance.crt',
  instanceKey: '/etc/instance.key',
  instanceRequest: '/etc/instance.csr',
  opensslConfig: '/etc/openssl-san.cnf',
  capabilities: '/etc/vast_capabilities.json',
  agentsGuide: '/etc/vast-agents-guide.md',
  logs: '/var/log',
  /** mode 1777 */
  portalLogs: '/var/log/portal',
  supervisorLog: '/var/log/supervisor/supervisord.log',
  supervisorSocket: '/var/run/supervisor.sock',
  supervisorPidfile: '/var/run/supervisord.pid',

  // ours
  tools: '/opt/instance-tools/bin',
  lib: '/opt/instance-tools/lib',
  node: '/opt/instance-tools/node/bin/node',
  /** Gone with a new container, like /run. */
  run: '/run/bosun',
  bootJournal: '/run/bosun/boot.json',
  /** A file per program; mode 1777. */
  gateVerdicts: '/run/bosun/gates',
  /** Whether sites are served by TLS, as decided last. */
  httpsDecision: '/run/bosun/https.json',
  /** What Caddy serves, by which scheme, and what keeps it from serving more. */
  gateway: '/run/bosun/gateway.json',
  /** Lasts as long as the container's file system; 0700. */
  state: '/var/lib/bosun',
} as const
