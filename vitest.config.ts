import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // how long a condition may take to come true on a machine that is loaded
    expect: { poll: { timeout: 15_000, interval: 20 } },
  },
})
