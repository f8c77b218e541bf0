import * as path from 'path'
import { Frequency, MultiStepCheck, MultiStepCheckProps } from 'checkly/constructs'
import { live } from './lib/group'

const shared: Partial<MultiStepCheckProps> = { group: live }

new MultiStepCheck('order-feed', {
  ...(shared as MultiStepCheckProps),
  name: 'Order feed',
  description: 'Updates of orders come over the WebSocket.',
  frequency: Frequency.EVERY_30S,
  code: { entrypoint: path.join(__dirname, 'order_feed.spec.ts') },
})

new MultiStepCheck('stock-feed', {
  name: 'Stock feed',
  group: live,
  muted: true,
  activated: false,
  environmentVariables: [{ key: 'FEED', value: 'stock' }],
  code: { entrypoint: './order_feed.spec.ts' },
})

new MultiStepCheck('inline', {
  name: 'Inline',
  code: {
    content: `import { test } from '@playwright/test'
test('nothing', () => {})`,
  },
})
