import { AlertEscalationBuilder, CheckGroupV2, RetryStrategyBuilder } from 'checkly/constructs'
import { everybody, pager } from './channels'

/** Who is woken: kept here so that nobody has to look for it. */
export enum Priority {
  low = 'p3',
  high = 'p1',
}

export const live = new CheckGroupV2('live', {
  name: 'Live data',
  tags: ['live', Priority.high],
  runParallel: true,
  retryStrategy: RetryStrategyBuilder.linearStrategy({ baseBackoffSeconds: 10, maxRetries: 3 }),
  alertEscalationPolicy: AlertEscalationBuilder.runBasedEscalation(3, { amount: 2, interval: 10 }),
  alertChannels: [...everybody, pager],
  concurrency: 4,
  environmentVariables: [
    { key: 'FEED', value: 'orders' },
    { key: 'FEED_TOKEN', value: 'a-secret-of-the-group', secret: true },
  ],
})
