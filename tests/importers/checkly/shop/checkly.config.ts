import { defineConfig } from 'checkly'
import { AlertEscalationBuilder, Frequency, RetryStrategyBuilder } from 'checkly/constructs'
import { office } from './checks/lib/places'

export default defineConfig({
  projectName: 'Shop monitoring',
  logicalId: 'shop-monitoring',
  repoUrl: 'https://git.example.org/shop',
  checks: {
    activated: true,
    muted: false,
    runtimeId: '2026.04',
    frequency: Frequency.EVERY_5M,
    locations: ['eu-central-1', 'us-east-1'],
    privateLocations: [office],
    tags: ['shop'],
    checkMatch: '**/*.check.{ts,js}',
    ignoreDirectoriesMatch: ['old/**'],
    alertEscalationPolicy: AlertEscalationBuilder.runBasedEscalation(2),
    retryStrategy: RetryStrategyBuilder.fixedStrategy({
      baseBackoffSeconds: 30,
      maxRetries: 2,
      sameRegion: false,
    }),
    browserChecks: { testMatch: '**/*.browser.spec.ts' },
    multiStepChecks: { testMatch: 'checks/feeds/*.spec.ts', frequency: Frequency.EVERY_1M },
  },
  cli: { runLocation: 'eu-central-1' },
})
