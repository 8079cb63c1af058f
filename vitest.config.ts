import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    // for what hangs: however slow and loaded a machine is, nothing that goes on takes so long
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // how long a condition may take to come true there
    expect: { poll: { timeout: 60_000, interval: 20 } },
  },
})
