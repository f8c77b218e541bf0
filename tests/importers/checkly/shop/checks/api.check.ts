import {
  AlertEscalationBuilder,
  ApiCheck,
  AssertionBuilder,
  RetryStrategyBuilder,
  UrlAssertionBuilder,
  UrlMonitor,
} from 'checkly/constructs'
import { hook, mail } from './lib/channels'

const base = process.env.SHOP_API ?? 'https://api.example.org'

new ApiCheck('list-orders', {
  name: 'List orders',
  alertChannels: [mail, hook],
  degradedResponseTime: 800,
  maxResponseTime: 4000,
  setupScript: { entrypoint: './setup.ts' },
  environmentVariables: [{ key: 'REGION_NAME', value: 'eu' }],
  request: {
    url: `${base}/orders`,
    method: 'GET',
    headers: [
      { key: 'Authorization', value: 'Bearer {{SHOP_TOKEN}}' },
      { key: 'X-Api-Key', value: 'written-down-by-mistake' },
      { key: 'X-Request', value: '{{$UUID}}' },
      { key: 'X-Region', value: '{{REGION_NAME}}, costs ${5}' },
    ],
    queryParameters: [{ key: 'limit', value: '10' }],
    assertions: [
      AssertionBuilder.statusCode().equals(200),
      AssertionBuilder.headers('content-type').contains('json'),
      AssertionBuilder.jsonBody('$.orders[0].state').equals('open'),
      AssertionBuilder.jsonBody('$.total').greaterThan(0),
      AssertionBuilder.jsonBody('$.page').equals('1'),
      AssertionBuilder.jsonBody('$.orders.length').equals(10),
      AssertionBuilder.jsonBody('$.orders[0].id').isNotNull(),
      AssertionBuilder.jsonBody('$.orders[0]').hasKey('customer'),
      AssertionBuilder.responseTime().lessThan(3000),
      AssertionBuilder.textBody().contains('open'),
    ],
  },
})

new ApiCheck('place-order', {
  name: 'Place an order',
  alertChannels: [mail, hook],
  runParallel: true,
  retryStrategy: RetryStrategyBuilder.exponentialStrategy({
    baseBackoffSeconds: 10,
    maxRetries: 3,
    onlyOn: 'NETWORK_ERROR',
  }),
  alertEscalationPolicy: AlertEscalationBuilder.timeBasedEscalation(10),
  request: {
    url: `${base}/orders`,
    method: 'POST',
    skipSSL: true,
    followRedirects: false,
    bodyType: 'JSON',
    body: JSON.stringify({ item: 'tea', count: 2, token: '{{SHOP_TOKEN}}' }),
    basicAuth: { username: 'robot', password: 'open-sesame' },
    assertions: [
      AssertionBuilder.statusCode().equals(201),
      AssertionBuilder.statusCode().notEquals(500),
      AssertionBuilder.textBody().notContains('error (code'),
    ],
  },
})

new ApiCheck('missing-order', {
  name: 'An order that is not there',
  testOnly: true,
  shouldFail: true,
  alertChannels: [mail, hook],
  request: {
    url: 'https://api.example.org/orders/0',
    method: 'GET',
    assertions: [AssertionBuilder.statusCode().equals(404)],
  },
})

new UrlMonitor('front-page', {
  name: 'Front page',
  frequency: 1,
  alertChannels: [mail, hook],
  retryStrategy: RetryStrategyBuilder.noRetries(),
  request: {
    url: 'https://shop.example.org/',
    assertions: [UrlAssertionBuilder.statusCode().lessThan(400)],
  },
})
