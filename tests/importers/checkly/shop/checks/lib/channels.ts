import {
  EmailAlertChannel,
  PagerdutyAlertChannel,
  SlackAlertChannel,
  WebhookAlertChannel,
} from 'checkly/constructs'
import type { AlertChannel } from 'checkly/constructs'

const settings = { sendRecovery: true, sendFailure: true }

export const mail = new EmailAlertChannel('ops-mail', { address: 'ops@example.org', ...settings })

export const hook = new WebhookAlertChannel('ops-hook', {
  name: 'Operations',
  method: 'POST',
  url: new URL('https://hooks.example.org/alerts'),
  headers: [
    { key: 'X-Team', value: 'operations' },
    { key: 'Authorization', value: 'Bearer tell-nobody-of-this' },
  ],
  webhookSecret: process.env.HOOK_SECRET,
  template: '{"title": "{{ALERT_TITLE}}"}',
  sendDegraded: true,
})

export const slack = new SlackAlertChannel('ops-slack', {
  url: 'https://hooks.slack.example/T0/B0/very-private',
  channel: '#ops',
})

export const pager = new PagerdutyAlertChannel('pager', {
  serviceKey: '0123456789abcdef',
  serviceName: 'Shop',
})

export const everybody: AlertChannel[] = [mail, hook, slack]
